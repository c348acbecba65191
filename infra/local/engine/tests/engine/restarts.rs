use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::support::{Home, call, create, describe, ended, history, open, start, task, waiting};

/// Ends an engine as a kill would: nothing of it runs any more, and nothing was written at the end. The
/// engine lives in a runtime of its own, which is shut down.
fn in_a_killed_process<T: Send>(work: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(work());
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}

#[test]
fn a_waiting_execution_goes_on_after_a_restart_with_the_same_token() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let (execution, token, before) = in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        let machine = create(&engine, "waiting", &waiting()).await;
        let execution = start(&engine, &machine, "x", &json!({ "n": 1 })).await;
        let token = home.token().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        (execution.clone(), token, history(&engine, &execution).await)
    });
    in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        assert_eq!(history(&engine, &execution).await, before);
        let answer = json!({ "taskToken": token, "output": "{\"ok\":true}" });
        call(&engine, "SendTaskSuccess", answer).await.unwrap();
        assert_eq!(ended(&engine, &execution).await["output"], "{\"ok\":true}");
    });
    assert_eq!((home.calls("before"), home.calls("after")), (1, 1));
    assert_eq!(home.services.lock().unwrap().len(), 1, "an accepted call is not made again");
}

#[test]
fn a_drained_engine_has_nothing_to_replay_and_keeps_everything() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let (open_one, closed, token) = in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        let machine = create(&engine, "waiting", &waiting()).await;
        let chain =
            create(&engine, "chain", &json!({ "StartAt": "A", "States": { "A": task("a", None) } })).await;
        let closed = start(&engine, &chain, "closed", &json!({})).await;
        ended(&engine, &closed).await;
        let open_one = start(&engine, &machine, "open", &json!({})).await;
        let token = home.token().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        engine.drain().await;
        (open_one, closed, token)
    });
    in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        assert_eq!(engine.in_memory(), 0, "a waiting execution rests in the archive");
        assert_eq!(describe(&engine, &closed).await["status"], "SUCCEEDED");
        assert_eq!(history(&engine, &closed).await.len(), 7);
        let again = json!({ "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:chain", "name": "closed", "input": "{}" });
        assert_eq!(call(&engine, "StartExecution", again).await.unwrap_err().code, "ExecutionAlreadyExists");
        call(&engine, "SendTaskSuccess", json!({ "taskToken": token, "output": "1" })).await.unwrap();
        assert_eq!(ended(&engine, &open_one).await["status"], "SUCCEEDED");
        assert_eq!(history(&engine, &open_one).await.len(), 18);
        assert_eq!(home.statuses(&open_one, 2).await, ["RUNNING", "SUCCEEDED"]);
    });
}

#[test]
fn a_late_timer_fires_at_once_after_a_restart() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let wait =
        json!({ "StartAt": "Wait", "States": { "Wait": { "Type": "Wait", "Seconds": 2, "End": true } } });
    for drained in [false, true] {
        let name = format!("x{drained}");
        let execution = in_a_killed_process(async || {
            let engine = open(folder.path(), &home);
            let machine = create(&engine, "wait", &wait).await;
            let execution = start(&engine, &machine, &name, &json!({})).await;
            if drained {
                engine.drain().await;
            }
            execution
        });
        std::thread::sleep(Duration::from_millis(2100));
        in_a_killed_process(async || {
            let engine = open(folder.path(), &home);
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(describe(&engine, &execution).await["status"], "SUCCEEDED");
        });
    }
}

#[test]
fn a_call_without_an_answer_is_made_again() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    for drained in [false, true] {
        let name = format!("x{drained}");
        let calls = home.calls("hang");
        in_a_killed_process(async || {
            let engine = open(folder.path(), &home);
            let machine =
                create(&engine, "hang", &json!({ "StartAt": "H", "States": { "H": task("hang", None) } }))
                    .await;
            start(&engine, &machine, &name, &json!({})).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if drained {
                engine.drain().await;
            }
        });
        in_a_killed_process(async || {
            let engine = open(folder.path(), &home);
            tokio::time::sleep(Duration::from_millis(100)).await;
            let found = call(&engine, "ListExecutions", json!({ "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:hang", "statusFilter": "RUNNING" })).await.unwrap();
            for line in found["executions"].as_array().unwrap() {
                call(&engine, "StopExecution", json!({ "executionArn": line["executionArn"] }))
                    .await
                    .unwrap();
            }
        });
        assert_eq!(home.calls("hang"), calls + 2);
    }
}

#[test]
fn a_resting_execution_leaves_memory_and_comes_back_for_its_token() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        let machine = create(&engine, "waiting", &waiting()).await;
        let execution = start(&engine, &machine, "x", &json!({})).await;
        let token = home.token().await;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if engine.in_memory() == 0 {
                break;
            }
        }
        assert_eq!(engine.in_memory(), 0);
        assert_eq!(history(&engine, &execution).await.len(), 10);
        call(&engine, "SendTaskSuccess", json!({ "taskToken": token, "output": "1" })).await.unwrap();
        assert_eq!(ended(&engine, &execution).await["status"], "SUCCEEDED");
        assert_eq!(history(&engine, &execution).await.len(), 18);
    });
}

#[test]
fn a_compaction_while_executions_run_loses_nothing() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let count = 200;
    let machine = in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        let definition = json!({
            "StartAt": "A",
            "States": { "A": task("a", Some("B")), "B": task("b", Some("W")), "W": { "Type": "Wait", "Seconds": 1, "Next": "C" }, "C": task("c", None) },
        });
        let machine = create(&engine, "chain", &definition).await;
        for number in 0..count {
            start(&engine, &machine, &format!("x{number}"), &json!({ "n": number })).await;
            if number % 40 == 0 {
                engine.compact().await;
            }
        }
        machine
    });
    in_a_killed_process(async || {
        let engine = open(folder.path(), &home);
        for number in 0..count {
            let arn = format!("{}:x{number}", machine.replace(":stateMachine:", ":execution:"));
            let found = ended(&engine, &arn).await;
            assert_eq!(found["status"], "SUCCEEDED", "{found}");
            assert_eq!(found["output"], json!({ "n": number }).to_string());
            assert_eq!(history(&engine, &arn).await.len(), 19);
        }
    });
}
