//! History events, as `GetExecutionHistory` writes them.

mod api;

use crate::{Payload, TaskResource, Timestamp};
use serde::{Deserialize, Serialize};
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
    pub error: Option<Arc<str>>,
    /// What a person reads.
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

    pub(super) const fn fixed_name(&self) -> &'static str {
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
}
