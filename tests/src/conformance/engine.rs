//! Cases through the Step Functions protocol of the durable engine, in real time: waits take as long as they say.

use super::execution::{Outcome, judge};
use super::stage::{Deaf, Stage};
use super::{Verdict, state_tests, validation};
use futures::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use toss_local_engine::{Engine, Options};
use toss_local_protocol::{Caller, JsonService, ServiceError};

/// How long an execution may take. The longest recorded one takes a minute.
const PATIENCE: Duration = Duration::from_secs(65);
/// How long an execution that never ends is watched.
const GLIMPSE: Duration = Duration::from_secs(2);

/// What recordings have in the place of an activity's ARN.
const ACTIVITY: &str = "@@fx:create_activity:activityArn@@";

fn activity(number: usize) -> String {
    format!("arn:aws:states:us-east-1:111111111111:activity:activity-{number}")
}

type Answer = Result<Value, ServiceError>;

struct Protocol {
    engine: Engine,
    stage: Arc<Stage>,
}

/// Runs all cases at once on one engine.
pub(super) fn run_all(
    cases: &[(String, Value)],
    (level, replay): (u8, bool),
) -> Result<Vec<Verdict>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let stage = Arc::new(Stage::new(cases));
        let options = Options::new(folder.path(), "us-east-1", "111111111111");
        let engine = Engine::open(options, stage.clone(), stage.clone(), Arc::new(Deaf));
        let protocol = Protocol { engine: engine.map_err(|error| error.to_string())?, stage };
        let runs = cases
            .iter()
            .enumerate()
            .map(|(number, (category, case))| protocol.run(number, category, case, (level, replay)));
        Ok(join_all(runs).await)
    })
}

fn told(error: &ServiceError) -> Verdict {
    Verdict::Failed(format!("refused: {}: {}", error.code, error.message))
}

impl Protocol {
    async fn call(&self, operation: &str, input: Value) -> Answer {
        let body = self.engine.call(&Caller::Owner, operation, input.to_string().into()).await?;
        serde_json::from_slice(&body).map_err(|_| ServiceError::internal())
    }

    async fn run(&self, number: usize, category: &str, case: &Value, (level, replay): (u8, bool)) -> Verdict {
        if case.get("request").is_some() {
            return self.test_state(number, case).await;
        }
        if case.get("api").is_some() {
            return self.definition(number, case).await;
        }
        if case.get("valid").is_some() {
            return self.validity(number, category, case).await;
        }
        let stops = case["driver_calls"] == json!(["stop_execution"]);
        let definition = case["definition"].to_string();
        let of_maps = case["tier"] == "s3"
            && ["ItemReader", "ResultWriter"].iter().any(|name| definition.contains(name));
        let runs = case["self_contained"] == true || of_maps || stops;
        let replay = replay && !runs && case.get("expected_history").is_some();
        if !runs && !replay || !case["definition"].is_object() {
            return Verdict::Skipped;
        }
        let named = case.to_string().replace(ACTIVITY, &activity(number));
        let case = &serde_json::from_str(&named).unwrap_or_default();
        match self.outcome(number, case, replay).await {
            Ok(outcome) => match judge(case, level, &outcome) {
                None => Verdict::Passed,
                Some(reason) => Verdict::Failed(reason),
            },
            Err(error) => told(&error),
        }
    }

    async fn outcome(&self, number: usize, case: &Value, replay: bool) -> Result<Outcome, ServiceError> {
        let definition = self.definition_of(number, case).await?;
        let kind = case["machine_type"].as_str().unwrap_or("STANDARD");
        let input = json!({
            "name": format!("machine-{number}"), "definition": definition, "type": kind, "roleArn": Stage::role(number),
        });
        let machine = self.call("CreateStateMachine", input).await?;
        let text = case["input_text"].as_str().unwrap_or("{}").to_owned();
        let text = if replay { self.recorded_input(number, case).await?.unwrap_or(text) } else { text };
        let input =
            json!({ "stateMachineArn": machine["stateMachineArn"], "name": "execution", "input": text });
        if kind == "EXPRESS" {
            let answer = self.call("StartSyncExecution", input).await?;
            return Ok(outcome(number, &answer, None));
        }
        let started = self.call("StartExecution", input).await?;
        let stays =
            case["expected"]["status"].as_str().is_some_and(|status| status.starts_with("NOT_TERMINAL"));
        let deadline = tokio::time::Instant::now() + if stays { GLIMPSE } else { PATIENCE };
        let execution = json!({ "executionArn": started["executionArn"] });
        let events = case["expected_history"].as_array().map_or(0, Vec::len);
        loop {
            let described = self.call("DescribeExecution", execution.clone()).await?;
            if described["status"] != "RUNNING" || tokio::time::Instant::now() > deadline {
                let history = self.history(&execution).await?;
                return Ok(outcome(number, &described, Some(history)));
            }
            if case["driver_calls"] == json!(["stop_execution"])
                && self.history(&execution).await?.len() + 1 == events
            {
                self.call("StopExecution", execution.clone()).await?;
            }
            self.answer_token(number).await?;
            self.work(number, case).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The definition, with the activity that it calls.
    async fn definition_of(&self, number: usize, case: &Value) -> Result<String, ServiceError> {
        let definition = case["definition"].to_string();
        if !definition.contains(&activity(number)) {
            return Ok(definition);
        }
        let created = self.call("CreateActivity", json!({ "name": format!("activity-{number}") })).await?;
        let activity = json!({ "activityArn": created["activityArn"] });
        if case["expected"]["error"] == "States.Runtime" {
            self.call("DeleteActivity", activity).await?;
        }
        Ok(definition)
    }

    /// The input as the history tells it, where it starts an execution with that execution's machine in it.
    async fn recorded_input(&self, number: usize, case: &Value) -> Result<Option<String>, ServiceError> {
        let mut input = case["expected_history"][0]["executionStartedEventDetails"]["input"].clone();
        if input.is_null() || input.to_string().contains("<timestamp>") {
            return Ok(None);
        }
        if input.get("StateMachineArn").is_some() && !input.to_string().contains("NoSuchArn") {
            let created = self.call("CreateStateMachine", json!({
                "name": format!("target-{number}"), "definition": target(case).to_string(), "roleArn": Stage::role(number),
            }));
            input["StateMachineArn"] = created.await?["stateMachineArn"].clone();
        }
        Ok(Some(input.as_str().map_or_else(|| input.to_string(), str::to_owned)))
    }

    /// Works on an activity as the recording's worker did.
    async fn work(&self, number: usize, case: &Value) -> Result<(), ServiceError> {
        let history = case["expected_history"].as_array().map_or(&[][..], Vec::as_slice);
        let started = history.iter().find(|event| event["type"] == "ActivityStarted");
        let Some(started) = started.filter(|_| self.stage.begins(number)) else { return Ok(()) };
        let arn = activity(number);
        let worker = &started["activityStartedEventDetails"]["workerName"];
        let task = self.call("GetActivityTask", json!({ "activityArn": arn, "workerName": worker })).await?;
        if let (Some((Ok(output), _)), Some(token)) = (self.stage.answer(number), task.get("taskToken")) {
            self.call("SendTaskSuccess", json!({ "taskToken": token, "output": output.text() })).await?;
        }
        Ok(())
    }

    /// Answers the token that a service was sent, as the recording does.
    async fn answer_token(&self, number: usize) -> Result<(), ServiceError> {
        let Some(token) = self.stage.token(number) else { return Ok(()) };
        match self.stage.answer(number) {
            Some((Ok(output), _)) => {
                self.call("SendTaskSuccess", json!({ "taskToken": token, "output": output.text() })).await?;
            }
            Some((Err(failure), _)) => {
                let mut input = json!({ "taskToken": token });
                for (name, text) in [("error", failure.error), ("cause", failure.cause)] {
                    if let Some(text) = text {
                        input[name] = json!(text);
                    }
                }
                self.call("SendTaskFailure", input).await?;
            }
            None => {}
        }
        Ok(())
    }

    async fn history(&self, execution: &Value) -> Result<Vec<Value>, ServiceError> {
        let mut events = Vec::new();
        let mut input = execution.clone();
        input["maxResults"] = json!(7);
        input["includeExecutionData"] = json!(true);
        loop {
            let mut page = self.call("GetExecutionHistory", input.clone()).await?;
            if let Some(found) = page["events"].as_array_mut() {
                events.append(found);
            }
            match page.get("nextToken") {
                Some(next) => input["nextToken"] = next.clone(),
                None => return Ok(events),
            }
        }
    }

    async fn test_state(&self, number: usize, case: &Value) -> Verdict {
        let expected_error = case.get("expected_error");
        if expected_error.is_some_and(|error| error[0] == "ParamValidationError") {
            return Verdict::Skipped;
        }
        let mut request = case["request"].clone();
        let has_stubs = case["functions"].as_object().is_some_and(|functions| !functions.is_empty());
        if let Some(members) = request.as_object_mut() {
            members.remove("definition_json");
            members.remove("input_json");
            if has_stubs {
                members.insert("roleArn".into(), json!(Stage::role(number)));
            }
        }
        let answer = self.call("TestState", request).await;
        match (answer, expected_error) {
            (Ok(_), Some(expected)) => Verdict::Failed(format!("expected {expected}, found an answer")),
            (Ok(answer), None) => state_tests::judge(case, as_recorded(number, &answer)),
            (Err(error), Some(expected)) => state_tests::judge_error(expected, &error.code, &error.message),
            (Err(error), None) => told(&error),
        }
    }

    /// `CreateStateMachine`, `UpdateStateMachine` and `ValidateStateMachineDefinition`.
    async fn definition(&self, number: usize, case: &Value) -> Verdict {
        let operation = case["api"].as_str().unwrap_or_default();
        let mut input = case["other_args"].clone();
        let text =
            case["definition_text"].as_str().map_or_else(|| case["definition"].to_string(), str::to_owned);
        input["definition"] = json!(text);
        if operation == "ValidateStateMachineDefinition" {
            return match self.call(operation, input).await {
                Ok(answer) => validation::judge_diagnostics(case, &answer),
                Err(error) => told(&error),
            };
        }
        if operation == "CreateStateMachine" {
            input["name"] = json!(format!("refused-{number}"));
            if case["expected"].to_string().contains("Already Exists")
                && let Err(error) = self.call(operation, json!({
                    "name": input["name"], "roleArn": input["roleArn"],
                    "definition": json!({ "StartAt": "A", "States": { "A": { "Type": "Succeed" } } }).to_string(),
                })).await
            {
                return told(&error);
            }
        }
        match self.call(operation, input).await {
            Ok(_) => Verdict::Failed(format!("accepted; expected {}", case["expected"])),
            Err(error) => validation::judge_refusal(case, &error.code, &error.message),
        }
    }

    /// What other validators say of resources is not AWS's affair; whole workflows must be accepted.
    async fn validity(&self, number: usize, category: &str, case: &Value) -> Verdict {
        if category.starts_with("validator-") {
            return Verdict::Skipped;
        }
        let text =
            case["definition_text"].as_str().map_or_else(|| case["definition"].to_string(), str::to_owned);
        let input =
            json!({ "name": format!("corpus-{number}"), "definition": text, "roleArn": Stage::role(number) });
        match self.call("CreateStateMachine", input).await {
            Ok(_) => Verdict::Passed,
            Err(error) => told(&error),
        }
    }
}

/// A machine that ends as the recorded nested execution did.
fn target(case: &Value) -> Value {
    let ends = case["expected_history"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .rev()
        .find_map(super::world::answer_of);
    let told = ends.map(|(end, _)| match end {
        Ok(output) => output.to_json(),
        Err(failure) => {
            serde_json::from_str(failure.cause.as_deref().unwrap_or_default()).unwrap_or_default()
        }
    });
    let told = told.unwrap_or_default();
    let state = if told["Status"] == "FAILED" {
        let mut state = json!({ "Type": "Fail", "Error": told["Error"] });
        if let Some(cause) = told.get("Cause") {
            state["Cause"] = cause.clone();
        }
        state
    } else {
        let output = match &told["Output"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        json!({ "Type": "Pass", "Result": output, "End": true })
    };
    json!({ "StartAt": "State", "States": { "State": state } })
}

/// The value with what differs between a case's machine and the recorded one put right.
fn as_recorded(number: usize, value: &Value) -> Value {
    serde_json::from_str(&Stage::as_recorded(number, &value.to_string())).unwrap_or_default()
}

fn outcome(number: usize, described: &Value, events: Option<Vec<Value>>) -> Outcome {
    let described = as_recorded(number, described);
    let output = described["output"].as_str().and_then(|text| serde_json::from_str(text).ok());
    Outcome {
        status: described["status"].as_str().unwrap_or_default().to_owned(),
        output: output.unwrap_or_default(),
        error: described["error"].clone(),
        cause: described["cause"].clone(),
        events: events.map(|events| events.iter().map(|event| as_recorded(number, event)).collect()),
    }
}
