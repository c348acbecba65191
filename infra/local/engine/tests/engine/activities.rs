use std::sync::Arc;

use serde_json::json;

use crate::support::{Home, call, create, ended, open, start};

#[tokio::test]
async fn a_worker_takes_a_task_and_answers_it() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let activity = call(&engine, "CreateActivity", json!({ "name": "pack" })).await.unwrap();
    let arn = activity["activityArn"].as_str().unwrap().to_owned();
    let definition = json!({
        "StartAt": "Pack",
        "States": { "Pack": { "Type": "Task", "Resource": arn, "TimeoutSeconds": 60, "End": true } },
    });
    let machine = create(&engine, "packing", &definition).await;
    let worker = tokio::spawn({
        let (engine, arn) = (engine.clone(), arn.clone());
        async move { call(&engine, "GetActivityTask", json!({ "activityArn": arn, "workerName": "w" })).await }
    });
    let execution = start(&engine, &machine, "x", &json!({ "box": 1 })).await;
    let task = worker.await.unwrap().unwrap();
    assert_eq!(task["input"], "{\"box\":1}");
    let answer = json!({ "taskToken": task["taskToken"], "output": "\"packed\"" });
    call(&engine, "SendTaskSuccess", answer).await.unwrap();
    assert_eq!(ended(&engine, &execution).await["output"], "\"packed\"");
    let missing = json!({ "activityArn": arn.replace("pack", "lost") });
    assert_eq!(call(&engine, "GetActivityTask", missing).await.unwrap_err().code, "ActivityDoesNotExist");
}
