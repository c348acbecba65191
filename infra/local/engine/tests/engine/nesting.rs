use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Home, call, create, ended, history, open, start, task};

fn nested(machine: &str, pattern: &str) -> Value {
    json!({
        "StartAt": "Nest",
        "States": {
            "Nest": {
                "Type": "Task",
                "Resource": format!("arn:aws:states:::states:startExecution{pattern}"),
                "Parameters": { "StateMachineArn": machine, "Input": { "n.$": "$.n" } },
                "End": true,
            },
        },
    })
}

#[tokio::test]
async fn a_nested_execution_is_waited_for_and_its_output_parsed() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let inner =
        create(&engine, "inner", &json!({ "StartAt": "A", "States": { "A": task("a", None) } })).await;
    let outer = create(&engine, "outer", &nested(&inner, ".sync:2")).await;
    let execution = start(&engine, &outer, "x", &json!({ "n": 7 })).await;
    let found = ended(&engine, &execution).await;
    let output: Value = serde_json::from_str(found["output"].as_str().unwrap()).unwrap();
    assert_eq!((&output["Status"], &output["Output"]), (&json!("SUCCEEDED"), &json!({ "n": 7 })));
    let types = history(&engine, &execution).await;
    assert_eq!(types[2..6], ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]);
}

#[tokio::test]
async fn a_failed_nested_execution_fails_the_task() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let fail = json!({ "StartAt": "F", "States": { "F": { "Type": "Fail", "Error": "E", "Cause": "C" } } });
    let inner = create(&engine, "inner", &fail).await;
    let outer = create(&engine, "outer", &nested(&inner, ".sync")).await;
    let found = ended(&engine, &start(&engine, &outer, "x", &json!({ "n": 7 })).await).await;
    assert_eq!(found["error"], "States.TaskFailed");
    let cause: Value = serde_json::from_str(found["cause"].as_str().unwrap()).unwrap();
    assert_eq!((&cause["Error"], &cause["Input"]), (&json!("E"), &json!("{\"n\":7}")));
    let missing = create(&engine, "lost", &nested(&inner.replace("inner", "nowhere"), "")).await;
    let found = ended(&engine, &start(&engine, &missing, "x", &json!({ "n": 7 })).await).await;
    assert_eq!(found["error"], "StepFunctions.StateMachineDoesNotExistException");
}

#[tokio::test]
async fn stopping_the_parent_stops_the_nested_execution() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let inner =
        create(&engine, "inner", &json!({ "StartAt": "A", "States": { "A": task("hang", None) } })).await;
    let outer = create(&engine, "outer", &nested(&inner, ".sync")).await;
    let execution = start(&engine, &outer, "x", &json!({ "n": 7 })).await;
    while home.calls("hang") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    call(&engine, "StopExecution", json!({ "executionArn": execution })).await.unwrap();
    let found = call(&engine, "ListExecutions", json!({ "stateMachineArn": inner })).await.unwrap();
    let nested = found["executions"][0]["executionArn"].as_str().unwrap().to_owned();
    assert_eq!(ended(&engine, &nested).await["status"], "ABORTED");
}

#[tokio::test]
async fn a_distributed_map_runs_a_child_execution_for_each_item() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    home.objects.lock().unwrap().insert("in.csv".into(), "n,word\n1,one\n2,two\n3,three\n".into());
    let engine = open(folder.path(), &home);
    let definition = json!({
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": { "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" },
                    "Parameters": { "Bucket": "b", "Key": "in.csv" },
                },
                "ItemProcessor": {
                    "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
                    "StartAt": "One",
                    "States": { "One": task("one", None) },
                },
                "MaxConcurrency": 2,
                "End": true,
            },
        },
    });
    let machine = create(&engine, "each", &definition).await;
    let execution = start(&engine, &machine, "x", &json!({})).await;
    let found = ended(&engine, &execution).await;
    assert_eq!(found["status"], "SUCCEEDED", "{found}");
    let output: Value = serde_json::from_str(found["output"].as_str().unwrap()).unwrap();
    assert_eq!(output[2], json!({ "n": "3", "word": "three" }));
    assert_eq!(home.calls("one"), 3);
    let runs = call(&engine, "ListMapRuns", json!({ "executionArn": execution })).await.unwrap();
    let run = runs["mapRuns"][0]["mapRunArn"].as_str().unwrap();
    let described = call(&engine, "DescribeMapRun", json!({ "mapRunArn": run })).await.unwrap();
    assert_eq!(described["status"], "SUCCEEDED");
    assert_eq!(described["executionCounts"]["succeeded"], 3);
    let children = call(&engine, "ListExecutions", json!({ "mapRunArn": run })).await.unwrap();
    assert_eq!(children["executions"].as_array().unwrap().len(), 3);
}
