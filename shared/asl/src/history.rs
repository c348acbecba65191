//! History events, as `GetExecutionHistory` writes them.

use crate::{Payload, TaskResource, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// One event of an execution's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// 1 for the first event of an execution, without gaps.
    pub id: u64,
    /// The event that led to this one, 0 for none.
    pub previous: u64,
    /// When it happened: the `now` of the stimulus that caused it.
    pub timestamp: Timestamp,
    /// What happened.
    pub event: Event,
}

/// The error name and cause that a failure carries; either may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failure {
    /// The error name that `Retry` and `Catch` match, such as `States.Timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
    /// What a person reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure with both parts.
    #[must_use]
    pub fn new(error: impl Into<Arc<str>>, cause: impl Into<Arc<str>>) -> Self {
        Self { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A failure that has a name and no cause, as a timeout has.
    #[must_use]
    pub fn named(error: impl Into<Arc<str>>) -> Self {
        Self { error: Some(error.into()), cause: None }
    }
}

/// The type of a state, which is part of the names of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StateKind {
    /// Calls a service.
    Task,
    /// Passes its input on.
    Pass,
    /// Branches.
    Choice,
    /// Delays.
    Wait,
    /// Ends well.
    Succeed,
    /// Ends with an error.
    Fail,
    /// Runs branches side by side.
    Parallel,
    /// Runs a workflow for each item.
    Map,
}

impl StateKind {
    /// The name in a definition's `Type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

/// What a history event tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of AWS's HistoryEvent of the same names")]
pub enum Event {
    ExecutionStarted { input: Payload, role: Arc<str> },
    ExecutionSucceeded { output: Payload },
    ExecutionFailed(Failure),
    ExecutionAborted(Failure),
    ExecutionTimedOut(Failure),
    ExecutionRedriven { redrive_count: u32 },
    StateEntered { kind: StateKind, name: Arc<str>, input: Payload },
    StateExited { kind: StateKind, name: Arc<str>, output: Payload, assigned: Option<Assigned> },
    StateAborted { kind: StateKind },
    StateSucceeded { kind: StateKind },
    StateFailed { kind: StateKind },
    MapStateStarted { length: u64 },
    ParallelStateStarted,
    MapIterationStarted { name: Arc<str>, index: u64 },
    MapIterationSucceeded { name: Arc<str>, index: u64 },
    MapIterationFailed { name: Arc<str>, index: u64 },
    MapIterationAborted { name: Arc<str>, index: u64 },
    MapRunStarted { map_run_arn: Arc<str> },
    MapRunSucceeded,
    MapRunFailed(Failure),
    MapRunAborted,
    TaskScheduled(Box<TaskScheduled>),
    TaskStarted { resource: TaskResource },
    TaskSubmitted { resource: TaskResource, output: Payload },
    TaskSubmitFailed { resource: TaskResource, failure: Failure },
    TaskSucceeded { resource: TaskResource, output: Payload },
    TaskFailed { resource: TaskResource, failure: Failure },
    TaskTimedOut { resource: TaskResource, failure: Failure },
    LambdaFunctionScheduled(Box<TaskScheduled>),
    LambdaFunctionScheduleFailed(Failure),
    LambdaFunctionStarted,
    LambdaFunctionSucceeded { output: Payload },
    LambdaFunctionFailed(Failure),
    LambdaFunctionTimedOut(Failure),
    ActivityScheduled(Box<TaskScheduled>),
    ActivityStarted { worker: Option<Arc<str>> },
    ActivitySucceeded { output: Payload },
    ActivityFailed(Failure),
    ActivityTimedOut(Failure),
    EvaluationFailed { failure: Failure, location: Option<Arc<str>>, state: Arc<str> },
}

/// The variables that a state assigned: each name with its value as JSON text.
pub type Assigned = Arc<[(Arc<str>, Payload)]>;

/// What was scheduled: shared by service, Lambda and activity tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskScheduled {
    /// The resource that is called.
    pub resource: TaskResource,
    /// Arguments of a service call; input of a function or an activity.
    pub parameters: Payload,
    /// The region of a service call.
    pub region: Arc<str>,
    /// The time-out of the task.
    pub timeout_seconds: Option<u64>,
    /// The longest silence allowed.
    pub heartbeat_seconds: Option<u64>,
    /// The role that the task's credentials name.
    pub role: Option<Arc<str>>,
}

impl Event {
    /// AWS's name of the event's type, such as `TaskStateEntered`.
    #[must_use]
    pub fn type_name(&self) -> String {
        match self {
            Self::StateEntered { kind, .. } => format!("{}StateEntered", kind.name()),
            Self::StateExited { kind, .. } => format!("{}StateExited", kind.name()),
            Self::StateAborted { kind } => format!("{}StateAborted", kind.name()),
            Self::StateSucceeded { kind } => format!("{}StateSucceeded", kind.name()),
            Self::StateFailed { kind } => format!("{}StateFailed", kind.name()),
            other => other.fixed_name().to_owned(),
        }
    }

    const fn fixed_name(&self) -> &'static str {
        match self {
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            Self::ExecutionFailed(_) => "ExecutionFailed",
            Self::ExecutionAborted(_) => "ExecutionAborted",
            Self::ExecutionTimedOut(_) => "ExecutionTimedOut",
            Self::ExecutionRedriven { .. } => "ExecutionRedriven",
            Self::StateEntered { .. }
            | Self::StateExited { .. }
            | Self::StateAborted { .. }
            | Self::StateSucceeded { .. }
            | Self::StateFailed { .. } => "",
            Self::MapStateStarted { .. } => "MapStateStarted",
            Self::ParallelStateStarted => "ParallelStateStarted",
            Self::MapIterationStarted { .. } => "MapIterationStarted",
            Self::MapIterationSucceeded { .. } => "MapIterationSucceeded",
            Self::MapIterationFailed { .. } => "MapIterationFailed",
            Self::MapIterationAborted { .. } => "MapIterationAborted",
            Self::MapRunStarted { .. } => "MapRunStarted",
            Self::MapRunSucceeded => "MapRunSucceeded",
            Self::MapRunFailed(_) => "MapRunFailed",
            Self::MapRunAborted => "MapRunAborted",
            Self::TaskScheduled(_) => "TaskScheduled",
            Self::TaskStarted { .. } => "TaskStarted",
            Self::TaskSubmitted { .. } => "TaskSubmitted",
            Self::TaskSubmitFailed { .. } => "TaskSubmitFailed",
            Self::TaskSucceeded { .. } => "TaskSucceeded",
            Self::TaskFailed { .. } => "TaskFailed",
            Self::TaskTimedOut { .. } => "TaskTimedOut",
            Self::LambdaFunctionScheduled(_) => "LambdaFunctionScheduled",
            Self::LambdaFunctionScheduleFailed(_) => "LambdaFunctionScheduleFailed",
            Self::LambdaFunctionStarted => "LambdaFunctionStarted",
            Self::LambdaFunctionSucceeded { .. } => "LambdaFunctionSucceeded",
            Self::LambdaFunctionFailed(_) => "LambdaFunctionFailed",
            Self::LambdaFunctionTimedOut(_) => "LambdaFunctionTimedOut",
            Self::ActivityScheduled(_) => "ActivityScheduled",
            Self::ActivityStarted { .. } => "ActivityStarted",
            Self::ActivitySucceeded { .. } => "ActivitySucceeded",
            Self::ActivityFailed(_) => "ActivityFailed",
            Self::ActivityTimedOut(_) => "ActivityTimedOut",
            Self::EvaluationFailed { .. } => "EvaluationFailed",
        }
    }

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
            Self::TaskScheduled(scheduled) => scheduled.task_json(with_data),
            Self::LambdaFunctionScheduled(scheduled) | Self::ActivityScheduled(scheduled) => {
                scheduled.input_json(with_data)
            }
            Self::TaskStarted { resource } => resource_json(resource),
            Self::TaskSubmitted { resource, output: produced }
            | Self::TaskSucceeded { resource, output: produced } => {
                let mut details = resource_json(resource);
                details.extend(output(produced));
                details
            }
            Self::TaskSubmitFailed { resource, failure: failed }
            | Self::TaskFailed { resource, failure: failed }
            | Self::TaskTimedOut { resource, failure: failed } => {
                let mut details = resource_json(resource);
                details.extend(failure(failed));
                details
            }
            Self::ExecutionSucceeded { output: produced }
            | Self::LambdaFunctionSucceeded { output: produced }
            | Self::ActivitySucceeded { output: produced } => output(produced),
            Self::ActivityStarted { worker } => match worker {
                Some(worker) => object(json!({ "workerName": worker })),
                None => Map::new(),
            },
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
