//! A stand-in for Step Functions that remembers what it was asked and runs nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use toss_store::testing::Service;

#[derive(Default)]
pub(crate) struct Machines {
    pub(crate) machines: Mutex<BTreeMap<String, String>>,
    pub(crate) executions: Mutex<BTreeMap<String, Value>>,
    /// Operations that fail once, as if the caller had died there.
    pub(crate) broken: Mutex<Vec<&'static str>>,
}

const REGION: &str = "arn:aws:states:us-east-1:000000000000";

impl Machines {
    pub(crate) fn service(self: &Arc<Self>) -> Service {
        let machines = Arc::clone(self);
        Arc::new(move |operation, request| machines.call(operation, request))
    }

    pub(crate) fn finish(&self, id: &str, status: &str, output: &Value) {
        let mut executions = self.executions.lock().unwrap();
        let (_, execution) = executions.iter_mut().find(|(arn, _)| arn.ends_with(id)).unwrap();
        execution["status"] = json!(status);
        execution["output"] = json!(output.to_string());
        execution["stopDate"] = json!(1_800_000_001);
    }

    fn call(&self, operation: &str, request: &Value) -> Result<Value, (&'static str, String)> {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let mut broken = self.broken.lock().unwrap();
        if let Some(at) = broken.iter().position(|name| *name == operation) {
            broken.remove(at);
            return Err(("InvalidExecutionInput", "broken by the test".into()));
        }
        drop(broken);
        match operation {
            "CreateStateMachine" => {
                let arn = format!("{REGION}:stateMachine:{}", text("name"));
                let mut machines = self.machines.lock().unwrap();
                let definition = machines.entry(arn.clone()).or_insert_with(|| text("definition"));
                if *definition != text("definition") {
                    return Err(("StateMachineAlreadyExists", arn));
                }
                Ok(json!({ "stateMachineArn": arn, "creationDate": 1_800_000_000 }))
            }
            "DescribeStateMachine" => {
                let machines = self.machines.lock().unwrap();
                let definition = machines
                    .get(&text("stateMachineArn"))
                    .ok_or(("StateMachineDoesNotExist", String::new()))?;
                Ok(json!({
                    "stateMachineArn": text("stateMachineArn"), "name": "m", "definition": definition, "roleArn": "r",
                    "type": "STANDARD", "creationDate": 1_800_000_000,
                }))
            }
            "DeleteStateMachine" => {
                self.machines.lock().unwrap().remove(&text("stateMachineArn"));
                Ok(json!({}))
            }
            "StartExecution" => {
                let machine = text("stateMachineArn");
                if !self.machines.lock().unwrap().contains_key(&machine) {
                    return Err(("StateMachineDoesNotExist", machine));
                }
                let arn = format!("{}:{}", machine.replace(":stateMachine:", ":execution:"), text("name"));
                self.executions.lock().unwrap().entry(arn.clone()).or_insert_with(|| json!({
                    "executionArn": arn, "stateMachineArn": machine, "status": "RUNNING", "startDate": 1_800_000_000,
                    "input": text("input"), "redriveCount": 0,
                }));
                Ok(json!({ "executionArn": arn, "startDate": 1_800_000_000 }))
            }
            "DescribeExecution" | "GetExecutionHistory" | "StopExecution" | "RedriveExecution" => {
                let mut executions = self.executions.lock().unwrap();
                let execution = executions
                    .get_mut(&text("executionArn"))
                    .ok_or(("ExecutionDoesNotExist", String::new()))?;
                Ok(match operation {
                    "DescribeExecution" => execution.clone(),
                    "GetExecutionHistory" => json!({ "events": [
                        { "timestamp": 1_800_000_000, "type": "ExecutionStarted", "id": 1, "previousEventId": 0,
                          "executionStartedEventDetails": { "input": execution["input"], "roleArn": "r" } },
                        { "timestamp": 1_800_000_000, "type": "TaskStateEntered", "id": 2, "previousEventId": 0,
                          "stateEnteredEventDetails": { "name": "check", "input": "{}" } },
                    ] }),
                    "StopExecution" => {
                        execution["status"] = json!("ABORTED");
                        json!({ "stopDate": 1_800_000_001 })
                    }
                    _ => {
                        execution["status"] = json!("RUNNING");
                        execution["redriveCount"] =
                            json!(execution["redriveCount"].as_i64().unwrap_or(0) + 1);
                        json!({ "redriveDate": 1_800_000_001 })
                    }
                })
            }
            other => Err(("UnknownOperationException", other.into())),
        }
    }
}
