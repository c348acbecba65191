//! A home for engines under test.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_local_engine::{
    AwsCaller, CallError, Engine, FunctionAnswer, FunctionCall, Options, ServiceCall, StatusListener,
    TaskInvoker,
};
use toss_local_protocol::{Caller, JsonService, ServiceError};

/// Answers calls and remembers them. A function's name says what it does.
#[derive(Default)]
pub(crate) struct Home {
    pub(crate) functions: Mutex<Vec<(String, Value)>>,
    pub(crate) services: Mutex<Vec<(String, String, Value)>>,
    pub(crate) events: Mutex<Vec<Value>>,
    pub(crate) objects: Mutex<HashMap<String, String>>,
}

impl TaskInvoker for Home {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        Box::pin(async move {
            let name = call.function.rsplit(':').next().unwrap().to_owned();
            let payload: Value = serde_json::from_slice(&call.payload).unwrap();
            self.functions.lock().unwrap().push((name.clone(), payload.clone()));
            match name.as_str() {
                "hang" => {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                    Ok(FunctionAnswer::Result(Bytes::from_static(b"null")))
                }
                "missing" => Err(CallError {
                    status: 404,
                    code: "ResourceNotFoundException".into(),
                    message: "Function not found: missing".into(),
                }),
                "broken" => Ok(FunctionAnswer::Error(
                    json!({ "errorType": "Pay.Declined", "errorMessage": "no money", "stackTrace": [] })
                        .to_string()
                        .into(),
                )),
                _ => Ok(FunctionAnswer::Result(payload.to_string().into())),
            }
        })
    }
}

impl AwsCaller for Home {
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move {
            let line = (call.service.to_owned(), call.operation.to_owned(), call.input.clone());
            self.services.lock().unwrap().push(line);
            let key = call.input["Key"].as_str().unwrap_or_default().to_owned();
            match call.operation {
                "PutObject" => {
                    let body = call.input["Body"].as_str().unwrap().to_owned();
                    self.objects.lock().unwrap().insert(key, body);
                    Ok(json!({}))
                }
                "GetObject" => Ok(json!({ "Body": self.objects.lock().unwrap()[&key] })),
                "DeleteItem" => Err(CallError {
                    status: 400,
                    code: "ResourceNotFoundException".into(),
                    message: "Requested resource not found".into(),
                }),
                _ => Ok(json!({ "MessageId": "m-1" })),
            }
        })
    }
}

impl StatusListener for Home {
    fn status_changed<'a>(&'a self, event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            self.events.lock().unwrap().push(event.clone());
            Ok(())
        })
    }
}

impl Home {
    pub(crate) fn calls(&self, function: &str) -> usize {
        self.functions.lock().unwrap().iter().filter(|(name, _)| name == function).count()
    }

    /// The token that the newest message carries.
    pub(crate) async fn token(&self) -> String {
        for _ in 0..500 {
            let body = self.services.lock().unwrap().last().map(|(_, _, input)| input["MessageBody"].clone());
            if let Some(body) = body.as_ref().and_then(Value::as_str) {
                let body: Value = serde_json::from_str(body).unwrap();
                return body["token"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no message came")
    }

    /// The statuses that were announced for the execution.
    pub(crate) async fn statuses(&self, execution: &str, count: usize) -> Vec<String> {
        for _ in 0..500 {
            let statuses: Vec<String> = self
                .events
                .lock()
                .unwrap()
                .iter()
                .filter(|event| event["detail"]["executionArn"] == execution)
                .map(|event| event["detail"]["status"].as_str().unwrap().to_owned())
                .collect();
            if statuses.len() >= count {
                return statuses;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the events did not come")
    }
}

pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/machine";

/// An engine in the folder.
pub(crate) fn open(folder: &Path, home: &Arc<Home>) -> Engine {
    // An engine that was just killed holds its lock until its threads have noticed.
    for _ in 0..100 {
        let options = Options::new(folder, "us-east-1", "000000000000");
        match Engine::open(options, home.clone(), home.clone(), home.clone()) {
            Ok(engine) => return engine,
            Err(error) if error.code() == "Journal.Locked" => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the folder stays locked")
}

/// Calls an operation.
pub(crate) async fn call(engine: &Engine, operation: &str, input: Value) -> Result<Value, ServiceError> {
    let body = engine.call(&Caller::Owner, operation, input.to_string().into()).await?;
    Ok(serde_json::from_slice(&body).unwrap())
}

/// Creates a state machine and answers its ARN.
pub(crate) async fn create(engine: &Engine, name: &str, definition: &Value) -> String {
    let input = json!({ "name": name, "definition": definition.to_string(), "roleArn": ROLE });
    let answer = call(engine, "CreateStateMachine", input).await.unwrap();
    answer["stateMachineArn"].as_str().unwrap().to_owned()
}

/// Starts an execution and answers its ARN.
pub(crate) async fn start(engine: &Engine, machine: &str, name: &str, input: &Value) -> String {
    let input = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
    let answer = call(engine, "StartExecution", input).await.unwrap();
    answer["executionArn"].as_str().unwrap().to_owned()
}

/// Waits for the end of an execution and answers its description.
pub(crate) async fn ended(engine: &Engine, execution: &str) -> Value {
    for _ in 0..1000 {
        let found = describe(engine, execution).await;
        if found["status"] != "RUNNING" {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the execution did not end: {}", describe(engine, execution).await)
}

pub(crate) async fn describe(engine: &Engine, execution: &str) -> Value {
    call(engine, "DescribeExecution", json!({ "executionArn": execution })).await.unwrap()
}

/// The types of an execution's events.
pub(crate) async fn history(engine: &Engine, execution: &str) -> Vec<String> {
    let input = json!({ "executionArn": execution, "maxResults": 1000 });
    let answer = call(engine, "GetExecutionHistory", input).await.unwrap();
    let types = answer["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap());
    types.map(str::to_owned).collect()
}

/// A state that calls a function.
pub(crate) fn task(function: &str, next: Option<&str>) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": function, "Payload.$": "$" },
        "OutputPath": "$.Payload",
    });
    match next {
        Some(next) => state["Next"] = json!(next),
        None => state["End"] = json!(true),
    }
    state
}

/// A machine that calls `before`, sends a token by SQS and waits, and calls `after`.
pub(crate) fn waiting() -> Value {
    json!({
        "StartAt": "Before",
        "States": {
            "Before": task("before", Some("Ask")),
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {
                    "QueueUrl": "http://sqs/approvals",
                    "MessageBody": { "token.$": "$$.Task.Token", "input.$": "$" },
                },
                "Next": "After",
            },
            "After": task("after", None),
        },
    })
}
