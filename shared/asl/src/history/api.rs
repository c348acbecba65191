//! Events in the form of AWS's API.

use super::{Event, Failure, HistoryEvent, TaskScheduled};
use crate::{Payload, TaskResource};
use serde_json::{Map, Value as Json, json};

impl Event {
    /// The name of the member that holds the details, and the details; `None` for events without any.
    /// `with_data` is `includeExecutionData`: without it inputs, outputs, errors and causes are left out.
    fn details(&self, with_data: bool) -> Option<(String, Json)> {
        let failure = |failure: &Failure| failure_json(failure, with_data);
        let output = |output: &Payload| data_json("output", output, with_data);
        let details = match self {
            Self::ExecutionStarted { input, role } => {
                let mut details = data_json("input", input, with_data);
                details.insert("roleArn".to_owned(), json!(role));
                details
            }
            Self::ExecutionRedriven { redrive_count } => object(json!({ "redriveCount": redrive_count })),
            Self::StateEntered { name, input, .. } => {
                let mut details = data_json("input", input, with_data);
                details.insert("name".to_owned(), json!(name));
                details
            }
            Self::StateExited { name, output: produced, assigned, .. } => {
                let mut details = output(produced);
                details.insert("name".to_owned(), json!(name));
                if let (Some(assigned), true) = (assigned, with_data) {
                    let variables: Map<String, Json> = assigned
                        .iter()
                        .map(|(name, value)| (name.to_string(), json!(value.text())))
                        .collect();
                    details.insert("assignedVariables".to_owned(), Json::Object(variables));
                    details.insert("assignedVariablesDetails".to_owned(), json!({ "truncated": false }));
                }
                details
            }
            Self::MapStateStarted { length } => object(json!({ "length": length })),
            Self::MapIterationStarted { name, index }
            | Self::MapIterationSucceeded { name, index }
            | Self::MapIterationFailed { name, index }
            | Self::MapIterationAborted { name, index } => object(json!({ "name": name, "index": index })),
            Self::MapRunStarted { map_run_arn } => object(json!({ "mapRunArn": map_run_arn })),
            Self::ExecutionSucceeded { output: produced }
            | Self::LambdaFunctionSucceeded { output: produced }
            | Self::ActivitySucceeded { output: produced } => output(produced),
            Self::ExecutionFailed(failed)
            | Self::ExecutionAborted(failed)
            | Self::ExecutionTimedOut(failed)
            | Self::MapRunFailed(failed)
            | Self::LambdaFunctionScheduleFailed(failed)
            | Self::LambdaFunctionFailed(failed)
            | Self::LambdaFunctionTimedOut(failed)
            | Self::ActivityFailed(failed)
            | Self::ActivityTimedOut(failed) => failure(failed),
            Self::EvaluationFailed { failure: failed, location, state } => {
                let mut details = failure(failed);
                if let Some(location) = location {
                    details.insert("location".to_owned(), json!(location));
                }
                details.insert("state".to_owned(), json!(state));
                details
            }
            Self::StateAborted { .. }
            | Self::StateSucceeded { .. }
            | Self::StateFailed { .. }
            | Self::ParallelStateStarted
            | Self::MapRunSucceeded
            | Self::MapRunAborted
            | Self::LambdaFunctionStarted => return None,
            task => task.task_details(with_data),
        };
        let member = match self {
            Self::StateEntered { .. } => "stateEntered".to_owned(),
            Self::StateExited { .. } => "stateExited".to_owned(),
            other => {
                let name = other.fixed_name();
                let (first, rest) = name.split_at(1);
                first.to_ascii_lowercase() + rest
            }
        };
        Some((member + "EventDetails", Json::Object(details)))
    }

    /// The details of what tasks do.
    fn task_details(&self, with_data: bool) -> Map<String, Json> {
        match self {
            Self::TaskScheduled(scheduled) => scheduled.task_json(with_data),
            Self::LambdaFunctionScheduled(scheduled) | Self::ActivityScheduled(scheduled) => {
                scheduled.input_json(with_data)
            }
            Self::TaskStarted { resource } => resource_json(resource),
            Self::TaskSubmitted { resource, output } | Self::TaskSucceeded { resource, output } => {
                let mut details = resource_json(resource);
                details.extend(data_json("output", output, with_data));
                details
            }
            Self::TaskSubmitFailed { resource, failure }
            | Self::TaskFailed { resource, failure }
            | Self::TaskTimedOut { resource, failure } => {
                let mut details = resource_json(resource);
                details.extend(failure_json(failure, with_data));
                details
            }
            Self::ActivityStarted { worker: Some(worker) } => object(json!({ "workerName": worker })),
            _ => Map::new(),
        }
    }
}

impl HistoryEvent {
    /// The event as `GetExecutionHistory` answers it, with times as seconds since the epoch.
    /// Without `include_execution_data`, inputs, outputs, errors and causes are left out.
    #[must_use]
    pub fn to_api(&self, include_execution_data: bool) -> Json {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), json!(self.timestamp.as_seconds()));
        event.insert("type".to_owned(), json!(self.event.type_name()));
        event.insert("id".to_owned(), json!(self.id));
        event.insert("previousEventId".to_owned(), json!(self.previous));
        if let Some((member, details)) = self.event.details(include_execution_data) {
            event.insert(member, details);
        }
        Json::Object(event)
    }
}

impl TaskScheduled {
    fn task_json(&self, with_data: bool) -> Map<String, Json> {
        let mut details = resource_json(&self.resource);
        details.insert("region".to_owned(), json!(self.region));
        if with_data {
            details.insert("parameters".to_owned(), json!(self.parameters.text()));
        }
        self.limits(&mut details);
        details
    }

    fn input_json(&self, with_data: bool) -> Map<String, Json> {
        let mut details = data_json("input", &self.parameters, with_data);
        details.insert("resource".to_owned(), json!(self.resource.arn()));
        self.limits(&mut details);
        details
    }

    fn limits(&self, details: &mut Map<String, Json>) {
        if let Some(seconds) = self.timeout_seconds {
            details.insert("timeoutInSeconds".to_owned(), json!(seconds));
        }
        if let Some(seconds) = self.heartbeat_seconds {
            details.insert("heartbeatInSeconds".to_owned(), json!(seconds));
        }
        if let Some(role) = &self.role {
            details.insert("taskCredentials".to_owned(), json!({ "roleArn": role }));
        }
    }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

fn resource_json(resource: &TaskResource) -> Map<String, Json> {
    object(json!({ "resourceType": resource.service(), "resource": resource.operation() }))
}

fn data_json(member: &str, data: &Payload, with_data: bool) -> Map<String, Json> {
    let mut details = Map::new();
    if with_data {
        details.insert(member.to_owned(), json!(data.text()));
        details.insert(format!("{member}Details"), json!({ "truncated": false }));
    }
    details
}

fn failure_json(failure: &Failure, with_data: bool) -> Map<String, Json> {
    let mut details = Map::new();
    if with_data {
        if let Some(error) = &failure.error {
            details.insert("error".to_owned(), json!(error));
        }
        if let Some(cause) = &failure.cause {
            details.insert("cause".to_owned(), json!(cause));
        }
    }
    details
}
