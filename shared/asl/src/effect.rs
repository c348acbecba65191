//! What the interpreter asks of its host, and what the host tells the interpreter.

use crate::{Failure, HistoryEvent, Payload, TaskResource, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A task of one execution: a call, an activity, or the reader or writer of a distributed Map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u32);

/// A timer of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u32);

/// A distributed Map's run within one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MapRunId(pub u32);

/// Something that happened outside. Together with the seed, the input and the context, the sequence of
/// stimuli and their moments determines every effect and event, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stimulus {
    /// A worker took the activity task.
    ActivityStarted {
        /// The task.
        task: TaskId,
        /// The name that the worker gave.
        worker: Option<Arc<str>>,
    },
    /// The call of a `.sync` or `.waitForTaskToken` task was accepted; its end comes later.
    TaskSubmitted {
        /// The task.
        task: TaskId,
        /// What the call answered.
        output: Payload,
    },
    /// The task is done: the call answered, the job ended, the token came back, or the worker answered.
    TaskSucceeded {
        /// The task.
        task: TaskId,
        /// Its result.
        output: Payload,
    },
    /// The task failed.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Error and cause.
        failure: Failure,
    },
    /// The task is alive.
    Heartbeat {
        /// The task.
        task: TaskId,
    },
    /// A timer's moment has come.
    TimerFired {
        /// The timer.
        timer: TimerId,
    },
    /// The items of a distributed Map were read ([`Effect::ReadItems`]). A failure is told by `TaskFailed`.
    ItemsRead {
        /// The task of the effect.
        task: TaskId,
        /// The items: a JSON array.
        items: Payload,
    },
    /// A child execution of a distributed Map ended well.
    ChildSucceeded {
        /// The map run.
        run: MapRunId,
        /// Which child.
        child: u32,
        /// Its output.
        output: Payload,
    },
    /// A child execution of a distributed Map failed, timed out or was stopped.
    ChildFailed {
        /// The map run.
        run: MapRunId,
        /// Which child.
        child: u32,
        /// Error and cause.
        failure: Failure,
    },
    /// `UpdateMapRun`: new limits for a running distributed Map.
    UpdateMapRun {
        /// The map run.
        run: MapRunId,
        /// How many children may run at once; 0 for no limit.
        max_concurrency: Option<u64>,
        /// How many items may fail.
        tolerated_failure_count: Option<u64>,
        /// How many items of a hundred may fail.
        tolerated_failure_percentage: Option<f64>,
    },
    /// Go on after [`Effect::Continue`].
    Continue,
    /// `StopExecution`.
    Stop(Failure),
    /// `RedriveExecution`: run the states that failed once more.
    Redrive,
}

/// Something the host must do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Call a resource, or offer an activity task to workers. The answer comes as a stimulus.
    InvokeTask(Box<Invocation>),
    /// Nobody waits for the task any more: it timed out, or its branch was given up.
    CancelTask {
        /// The task.
        task: TaskId,
    },
    /// Send [`Stimulus::TimerFired`] at this moment or as soon after as possible. A timer that is set again
    /// moves.
    SetTimer {
        /// The timer.
        timer: TimerId,
        /// Its moment.
        at: Timestamp,
    },
    /// The timer is no longer needed. Firing it does no harm.
    CancelTimer {
        /// The timer.
        timer: TimerId,
    },
    /// Read a distributed Map's items with the resource and
    /// answer with [`Stimulus::ItemsRead`].
    ReadItems(Box<ReadItems>),
    /// A distributed Map begins: its run can be described from now on. Where a reader finds the items, the effect
    /// comes twice: before the reading without any, and after it with their numbers.
    StartMapRun(Box<MapRunStart>),
    /// Start a child execution of a distributed Map.
    StartChild(Box<ChildStart>),
    /// Stop a child execution that is not needed any more.
    StopChild {
        /// The map run.
        run: MapRunId,
        /// Which child.
        child: u32,
    },
    /// Write a distributed Map's results, and answer with [`Stimulus::TaskSucceeded`] whose output becomes the
    /// Map's result.
    WriteResults(Box<WriteResults>),
    /// A distributed Map's run has ended.
    EndMapRun {
        /// The map run.
        run: MapRunId,
        /// `SUCCEEDED`, `FAILED` or `ABORTED`.
        status: Status,
    },
    /// So many states ran at one stimulus that others should have a turn: send [`Stimulus::Continue`].
    Continue,
    /// The execution has ended.
    Complete(Box<Completion>),
}

/// A call of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// Names the task in stimuli.
    pub task: TaskId,
    /// What to call.
    pub resource: TaskResource,
    /// The arguments of a service call; the input of a function or an activity.
    pub parameters: Payload,
    /// The task token, for activities and for `.waitForTaskToken` and `.sync` resources.
    pub token: Option<Arc<str>>,
    /// The role of the task's `Credentials`.
    pub role: Option<Arc<str>>,
    /// The state that calls.
    pub state: Arc<str>,
    /// 0 for the first try, and one more for each retry.
    pub attempt: u32,
    /// Seconds after which the interpreter gives the task up.
    pub timeout_seconds: Option<u64>,
    /// Seconds of silence after which the interpreter gives the task up.
    pub heartbeat_seconds: Option<u64>,
}

/// A distributed Map's reader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadItems {
    /// Names the task in stimuli.
    pub task: TaskId,
    /// What to call, such as `arn:aws:states:::s3:getObject`.
    pub resource: TaskResource,
    /// Its arguments.
    pub parameters: Payload,
    /// The `ReaderConfig`, with paths and expressions resolved.
    pub config: Payload,
}

/// A distributed Map's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapRunStart {
    /// The map run.
    pub run: MapRunId,
    /// Its ARN.
    pub arn: Arc<str>,
    /// The label in the child executions' ARNs, after the state machine's name and a slash.
    pub label: Arc<str>,
    /// How many items there are.
    pub items: u64,
    /// How many child executions there will be: fewer than items where they are batched.
    pub children: u32,
    /// How many children may run at once; 0 for no limit.
    pub max_concurrency: u64,
    /// How many items may fail.
    pub tolerated_failure_count: u64,
    /// How many items of a hundred may fail.
    pub tolerated_failure_percentage: f64,
}

/// A child execution of a distributed Map. Its machine is [`crate::Machine::processor`] of `state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildStart {
    /// The map run.
    pub run: MapRunId,
    /// Which child, from 0.
    pub child: u32,
    /// The child's name: a UUID.
    pub name: Arc<str>,
    /// The Map state whose processor the child runs, as a number for [`crate::Machine::processor`].
    pub processor: u32,
    /// Whether the child is an Express execution.
    pub express: bool,
    /// The child's input.
    pub input: Payload,
}

/// A distributed Map's writer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteResults {
    /// Names the task in stimuli.
    pub task: TaskId,
    /// The map run.
    pub run: MapRunId,
    /// What to call, such as `arn:aws:states:::s3:putObject`; `None` where only `WriterConfig` is given.
    pub resource: Option<TaskResource>,
    /// Its arguments.
    pub parameters: Payload,
    /// The `WriterConfig`.
    pub config: Payload,
    /// Each child's output, or its failure.
    pub results: Vec<Result<Payload, Failure>>,
}

/// How an execution stands, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// States are running or waiting.
    Running,
    /// It ended well.
    Succeeded,
    /// An error ended it.
    Failed,
    /// Its `TimeoutSeconds` ended it.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl Status {
    /// AWS's word, such as `SUCCEEDED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The final status.
    pub status: Status,
    /// The output of one that succeeded.
    pub output: Option<Payload>,
    /// Error and cause of one that did not.
    pub failure: Failure,
}

/// What followed from a stimulus.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Whether the stimulus meant anything: false for an answer to a task that nobody waits for, a timer that
    /// was cancelled, or a stimulus after the end.
    pub accepted: bool,
    /// What the host must do, in order.
    pub effects: Vec<Effect>,
    /// What happened, in order.
    pub events: Vec<HistoryEvent>,
}
