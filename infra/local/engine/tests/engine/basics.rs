use std::sync::Arc;

use serde_json::json;

use crate::support::{Home, call, create, describe, ended, history, open, start, task, waiting};

#[tokio::test]
async fn an_execution_calls_its_functions_in_order_and_tells_how_it_ended() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let definition = json!({
        "StartAt": "One",
        "States": { "One": task("one", Some("Two")), "Two": task("two", None) },
    });
    let machine = create(&engine, "chain", &definition).await;
    let execution = start(&engine, &machine, "first", &json!({ "n": 1 })).await;
    let found = ended(&engine, &execution).await;
    assert_eq!(found["status"], "SUCCEEDED");
    assert_eq!(found["output"], "{\"n\":1}");
    let functions: Vec<String> =
        home.functions.lock().unwrap().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(functions, ["one", "two"]);
    let types = history(&engine, &execution).await;
    let task = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"];
    let expected: Vec<&str> = [&["ExecutionStarted"], &task[..], &task[..], &["ExecutionSucceeded"]].concat();
    assert_eq!(types, expected);
    assert_eq!(home.statuses(&execution, 2).await, ["RUNNING", "SUCCEEDED"]);
    let event = home.events.lock().unwrap()[1].clone();
    assert_eq!(event["detail-type"], "Step Functions Execution Status Change");
    assert_eq!(event["detail"]["output"], "{\"n\":1}");
    assert_eq!(event["resources"], json!([execution]));
}

#[tokio::test]
async fn a_function_error_can_be_caught_by_its_type_and_fails_the_execution_otherwise() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let mut pay = task("broken", None);
    let uncaught = create(&engine, "uncaught", &json!({ "StartAt": "Pay", "States": { "Pay": pay } })).await;
    let found = ended(&engine, &start(&engine, &uncaught, "x", &json!({})).await).await;
    assert_eq!((found["status"].as_str(), found["error"].as_str()), (Some("FAILED"), Some("Pay.Declined")));
    assert!(found["cause"].as_str().unwrap().contains("no money"));
    pay["Catch"] = json!([{ "ErrorEquals": ["Pay.Declined"], "Next": "Refuse" }]);
    let definition = json!({
        "StartAt": "Pay",
        "States": { "Pay": pay, "Refuse": { "Type": "Pass", "Result": "refused", "End": true } },
    });
    let caught = create(&engine, "caught", &definition).await;
    let found = ended(&engine, &start(&engine, &caught, "x", &json!({})).await).await;
    assert_eq!(found["output"], "\"refused\"");
}

#[tokio::test]
async fn a_missing_function_and_a_refused_service_call_fail_in_awss_words() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine =
        create(&engine, "missing", &json!({ "StartAt": "Pay", "States": { "Pay": task("missing", None) } }))
            .await;
    let found = ended(&engine, &start(&engine, &machine, "x", &json!({})).await).await;
    assert_eq!(found["error"], "Lambda.ResourceNotFoundException");
    let delete = json!({
        "Type": "Task", "Resource": "arn:aws:states:::dynamodb:deleteItem", "End": true,
        "Parameters": { "TableName": "t", "Key": { "pk": { "S": "1" } } },
    });
    let machine =
        create(&engine, "table", &json!({ "StartAt": "Delete", "States": { "Delete": delete } })).await;
    let found = ended(&engine, &start(&engine, &machine, "x", &json!({})).await).await;
    assert_eq!(found["error"], "DynamoDB.ResourceNotFoundException");
    let cause = found["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400;"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_token_answered_goes_on_once() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "waiting", &waiting()).await;
    let execution = start(&engine, &machine, "x", &json!({ "n": 1 })).await;
    let token = home.token().await;
    call(&engine, "SendTaskHeartbeat", json!({ "taskToken": token })).await.unwrap();
    assert_eq!(describe(&engine, &execution).await["status"], "RUNNING");
    let answer = json!({ "taskToken": token, "output": "{\"approved\":true}" });
    call(&engine, "SendTaskSuccess", answer.clone()).await.unwrap();
    assert_eq!(call(&engine, "SendTaskSuccess", answer).await.unwrap_err().code, "TaskTimedOut");
    let found = ended(&engine, &execution).await;
    assert_eq!(found["output"], "{\"approved\":true}");
    assert_eq!((home.calls("before"), home.calls("after")), (1, 1));
    let garbage = call(&engine, "SendTaskSuccess", json!({ "taskToken": "garbage", "output": "1" })).await;
    assert_eq!(garbage.unwrap_err().code, "InvalidToken");
    let not_json = call(&engine, "SendTaskSuccess", json!({ "taskToken": token, "output": "{" })).await;
    assert_eq!(not_json.unwrap_err().code, "InvalidOutput");
}

#[tokio::test]
async fn a_token_failed_fails_the_task() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "waiting", &waiting()).await;
    let execution = start(&engine, &machine, "x", &json!({})).await;
    let token = home.token().await;
    let answer = json!({ "taskToken": token, "error": "Rejected", "cause": "too much" });
    call(&engine, "SendTaskFailure", answer).await.unwrap();
    let found = ended(&engine, &execution).await;
    assert_eq!((found["error"].as_str(), found["cause"].as_str()), (Some("Rejected"), Some("too much")));
}

#[tokio::test]
async fn a_stopped_execution_is_aborted_and_a_redriven_one_goes_on() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "waiting", &waiting()).await;
    let execution = start(&engine, &machine, "x", &json!({})).await;
    home.token().await;
    let stop = json!({ "executionArn": execution, "error": "Changed", "cause": "my mind" });
    call(&engine, "StopExecution", stop).await.unwrap();
    let found = describe(&engine, &execution).await;
    assert_eq!((found["status"].as_str(), found["error"].as_str()), (Some("ABORTED"), Some("Changed")));
    assert_eq!(history(&engine, &execution).await.last().unwrap(), "ExecutionAborted");
    assert_eq!(home.statuses(&execution, 2).await, ["RUNNING", "ABORTED"]);
    home.services.lock().unwrap().clear();
    call(&engine, "RedriveExecution", json!({ "executionArn": execution })).await.unwrap();
    let token = home.token().await;
    call(&engine, "SendTaskSuccess", json!({ "taskToken": token, "output": "1" })).await.unwrap();
    let found = ended(&engine, &execution).await;
    assert_eq!((found["status"].as_str(), found["redriveCount"].as_u64()), (Some("SUCCEEDED"), Some(1)));
    assert_eq!(home.calls("before"), 1);
    let refused = call(&engine, "RedriveExecution", json!({ "executionArn": execution })).await;
    assert_eq!(refused.unwrap_err().code, "ExecutionNotRedrivable");
}

#[tokio::test]
async fn waits_and_timeouts_end_by_the_clock() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let wait =
        json!({ "StartAt": "Wait", "States": { "Wait": { "Type": "Wait", "Seconds": 1, "End": true } } });
    let machine = create(&engine, "wait", &wait).await;
    let execution = start(&engine, &machine, "x", &json!({})).await;
    let found = ended(&engine, &execution).await;
    assert!(found["stopDate"].as_f64().unwrap() - found["startDate"].as_f64().unwrap() >= 1.0);
    let mut hang = task("hang", None);
    hang["TimeoutSeconds"] = json!(1);
    let machine = create(&engine, "hang", &json!({ "StartAt": "Hang", "States": { "Hang": hang } })).await;
    let found = ended(&engine, &start(&engine, &machine, "x", &json!({})).await).await;
    assert_eq!((found["status"].as_str(), found["error"].as_str()), (Some("FAILED"), Some("States.Timeout")));
    let mut definition = wait.clone();
    definition["TimeoutSeconds"] = json!(1);
    definition["States"]["Wait"]["Seconds"] = json!(60);
    let machine = create(&engine, "slow", &definition).await;
    assert_eq!(ended(&engine, &start(&engine, &machine, "x", &json!({})).await).await["status"], "TIMED_OUT");
}
