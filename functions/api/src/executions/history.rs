//! The history of an execution, as the API shows it.
//!
//! A task's token opens its step to whoever has it, and so it never leaves the platform: of a call's arguments
//! only the activity's parameters are shown.

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use toss_runtime::function::sentence;

use super::live::time;

/// One event.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct EventView {
    /// Its number, from 1.
    id: i64,
    /// The event that led to it; 0 for the first.
    previous_id: i64,
    /// What happened, such as `TaskStateEntered`.
    #[serde(rename = "type")]
    kind: String,
    time: Timestamp,
    /// The step, of events that name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// What it carries.
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map<String, Value>,
}

pub(super) fn view(event: &HistoryEvent) -> EventView {
    let step = event
        .state_entered_event_details
        .as_ref()
        .map(|details| details.name.clone())
        .or_else(|| event.state_exited_event_details.as_ref().map(|details| details.name.clone()));
    let mut details = Map::new();
    data(event, &mut details);
    failure(event, &mut details);
    EventView {
        id: event.id,
        previous_id: event.previous_event_id,
        kind: event.r#type.as_str().to_owned(),
        time: time(&event.timestamp),
        step,
        details,
    }
}

/// A text of JSON as the value it is.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn data(event: &HistoryEvent, details: &mut Map<String, Value>) {
    let mut put = |name: &str, text: Option<&str>| {
        if let Some(text) = text {
            details.insert(name.to_owned(), parsed(text));
        }
    };
    if let Some(started) = &event.execution_started_event_details {
        put("input", started.input.as_deref());
    }
    if let Some(succeeded) = &event.execution_succeeded_event_details {
        put("output", succeeded.output.as_deref());
    }
    if let Some(entered) = &event.state_entered_event_details {
        put("input", entered.input.as_deref());
    }
    if let Some(exited) = &event.state_exited_event_details {
        put("output", exited.output.as_deref());
    }
    if let Some(scheduled) = &event.task_scheduled_event_details {
        details.extend(call(&scheduled.parameters));
    }
    if let Some(succeeded) = &event.task_succeeded_event_details {
        let output = succeeded.output.as_deref().map(parsed).unwrap_or_default();
        // Lambda's answer stands in an envelope whose other members tell of the call.
        let result = output.get("Payload").cloned().unwrap_or(output);
        details.insert("result".to_owned(), result);
    }
    if let Some(iteration) = event
        .map_iteration_started_event_details
        .as_ref()
        .or(event.map_iteration_succeeded_event_details.as_ref())
        .or(event.map_iteration_failed_event_details.as_ref())
        .or(event.map_iteration_aborted_event_details.as_ref())
    {
        details.insert("index".to_owned(), json!(iteration.index));
    }
    if let Some(map) = &event.map_state_started_event_details {
        details.insert("length".to_owned(), json!(map.length));
    }
}

/// The activity that a task calls, and with what.
fn call(parameters: &str) -> Map<String, Value> {
    let arguments = parsed(parameters);
    let mut shown = Map::new();
    let payload = arguments.get("Payload");
    if let Some(function) = arguments.get("FunctionName").and_then(Value::as_str) {
        let activity = function.rsplit('-').next().unwrap_or(function);
        shown.insert("activity".to_owned(), json!(activity));
    }
    if let Some(parameters) = payload.and_then(|payload| payload.get("parameters")) {
        shown.insert("parameters".to_owned(), parameters.clone());
    }
    if let Some(attempt) = payload.and_then(|payload| payload.pointer("/context/attempt")) {
        shown.insert("attempt".to_owned(), attempt.clone());
    }
    shown
}

fn failure(event: &HistoryEvent, details: &mut Map<String, Value>) {
    let mut put = |error: Option<&String>, cause: Option<&String>| {
        let (error, cause) = (error.cloned(), cause.cloned().map(sentence));
        for (name, text) in [("error", error), ("cause", cause)] {
            if let Some(text) = text {
                details.insert(name.to_owned(), json!(text));
            }
        }
    };
    macro_rules! failures {
        ($($field:ident),* $(,)?) => {
            $(if let Some(failure) = &event.$field {
                put(failure.error.as_ref(), failure.cause.as_ref());
            })*
        };
    }
    failures!(
        execution_failed_event_details,
        execution_aborted_event_details,
        execution_timed_out_event_details,
        task_failed_event_details,
        task_timed_out_event_details,
        task_submit_failed_event_details,
        task_start_failed_event_details,
        evaluation_failed_event_details,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_shows_its_activity_and_parameters_and_never_its_token() {
        let parameters = json!({
            "FunctionName": "toss-local-UserApproval",
            "Payload": {
                "context": { "task_token": "secret-token", "attempt": 0, "tenant": "ten_1" },
                "parameters": { "title": "Pay?" },
            },
        });
        let shown = Value::Object(call(&parameters.to_string()));
        assert_eq!(shown["activity"], "UserApproval");
        assert_eq!(shown["parameters"]["title"], "Pay?");
        assert!(!shown.to_string().contains("secret-token"));
        assert!(call("not json").is_empty());
    }
}
