//! All that an execution is, apart from its machine.

use super::sorted::Sorted;
use crate::history::Failure;
use crate::program::{Program, StateIndex};
use crate::{
    Completion, Effect, ExecutionContext, Invocation, MapRunId, Payload, ReadItems, Seed, Status, TaskId,
    TaskResource, TimerId, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The state of an execution, to be stored and restored with any serde format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub(super) context: Box<ExecutionContext>,
    pub(super) seed: Seed,
    pub(super) input: Payload,
    pub(super) status: Status,
    pub(super) completion: Option<Box<Completion>>,
    pub(super) frames: Vec<Option<Frame>>,
    pub(super) free: Vec<FrameId>,
    /// Frames that can go on at once; empty between stimuli, apart from [`Effect::Continue`].
    pub(super) ready: VecDeque<FrameId>,
    pub(super) tasks: Sorted<TaskId, FrameId>,
    pub(super) timers: Sorted<TimerId, Timer>,
    pub(super) runs: Sorted<MapRunId, FrameId>,
    pub(super) start: StateIndex,
    pub(super) next_task: u32,
    pub(super) next_timer: u32,
    pub(super) next_run: u32,
    pub(super) next_random: u64,
    pub(super) last_event: u64,
    pub(super) redrive_count: u32,
    pub(super) redrive_time: Option<Timestamp>,
}

pub(super) type FrameId = u32;

pub(super) const ROOT: FrameId = 0;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) at: Timestamp,
    pub(super) purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    ExecutionTimeout,
    Wait(FrameId),
    Retry(FrameId),
    TaskTimeout(FrameId),
    Heartbeat(FrameId),
}

/// The variables of one scope.
pub(super) type Variables = Vec<(Arc<str>, Payload)>;

/// A line of control: the execution itself, a branch of a Parallel, or an iteration of a Map.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Frame {
    /// The composite state's frame that waits for this one, and the place among its children.
    pub(super) parent: Option<(FrameId, u32)>,
    pub(super) state: StateIndex,
    pub(super) phase: Phase,
    pub(super) input: Payload,
    /// The event before the state's entry, the entry, and the last event of this line.
    pub(super) before: u64,
    pub(super) entered: u64,
    pub(super) last: u64,
    pub(super) entered_at: Timestamp,
    pub(super) retries: Vec<u32>,
    pub(super) retry_count: u32,
    pub(super) variables: Option<Arc<Variables>>,
    pub(super) item: Option<Box<Item>>,
    /// Its state has failed and nothing caught the error, though a composite state keeps its phase.
    pub(super) failed: bool,
}

/// What a Map iteration works on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) index: u64,
    pub(super) value: Payload,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Phase {
    /// About to enter its state.
    Enter,
    /// About to try its state again.
    Again,
    Task(Box<TaskRun>),
    Wait,
    Retry,
    Parallel(Box<ParallelRun>),
    Map(Box<MapRun>),
    Distributed(Box<DistributedRun>),
    /// The state failed or was aborted and nothing caught it: where a redrive takes up.
    Failed,
    /// The branch of a failed composite state has ended well.
    Finished,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskRun {
    pub(super) task: TaskId,
    /// Dropped once the call was accepted.
    pub(super) parameters: Option<Payload>,
    pub(super) role: Option<Arc<str>>,
    pub(super) has_token: bool,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) heartbeat_seconds: Option<u64>,
    pub(super) timeout: Option<TimerId>,
    pub(super) heartbeat: Option<TimerId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ParallelRun {
    pub(super) children: Vec<FrameId>,
    pub(super) outputs: Vec<Option<Payload>>,
    pub(super) left: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MapRun {
    pub(super) input: Payload,
    pub(super) items: Vec<Payload>,
    pub(super) next: u32,
    pub(super) running: u32,
    pub(super) limit: u32,
    pub(super) children: BTreeMap<u32, FrameId>,
    pub(super) outputs: Vec<Option<Payload>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DistributedRun {
    pub(super) run: MapRunId,
    pub(super) arn: Arc<str>,
    pub(super) stage: Stage,
    pub(super) input: Payload,
    pub(super) children: Vec<ChildRun>,
    pub(super) next: u32,
    pub(super) running: u32,
    pub(super) limit: u64,
    pub(super) items: u64,
    pub(super) failed_items: u64,
    pub(super) tolerated_count: Option<u64>,
    pub(super) tolerated_percentage: Option<f64>,
    pub(super) last_failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    Reading(Box<ReadItems>),
    Running,
    Writing(Box<crate::WriteResults>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChildRun {
    pub(super) input: Payload,
    pub(super) items: u64,
    pub(super) result: Option<Result<Payload, Failure>>,
    pub(super) name: Arc<str>,
}

impl Snapshot {
    pub(super) fn new(input: Payload, context: ExecutionContext, seed: Seed, start: StateIndex) -> Self {
        Self {
            context: Box::new(context),
            seed,
            input,
            status: Status::Running,
            completion: None,
            frames: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            tasks: Sorted::new(),
            timers: Sorted::new(),
            runs: Sorted::new(),
            start,
            next_task: 0,
            next_timer: 0,
            next_run: 0,
            next_random: 0,
            last_event: 0,
            redrive_count: 0,
            redrive_time: None,
        }
    }

    /// Who the execution is.
    #[must_use]
    pub const fn context(&self) -> &ExecutionContext {
        &self.context
    }

    /// How the execution stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    pub(super) fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id as usize).and_then(Option::as_ref)
    }

    /// A variable that the frame sees: its own scope's, or an outer one's.
    pub(super) fn variable<'a>(&'a self, frame: &'a Frame, name: &str) -> Option<&'a Payload> {
        let own = frame.variables.iter().flat_map(|variables| variables.iter());
        own.rev()
            .find(|(known, _)| &**known == name)
            .map(|(_, value)| value)
            .or_else(|| self.variable(self.frame(frame.parent?.0)?, name))
    }

    pub(super) fn compact(&mut self) {
        self.input = self.input.compact();
        for frame in self.frames.iter_mut().flatten() {
            frame.input = frame.input.compact();
            if let Phase::Task(run) = &mut frame.phase {
                run.parameters = run.parameters.as_ref().map(Payload::compact);
            }
        }
        self.frames.shrink_to_fit();
        self.free.shrink_to_fit();
        self.ready.shrink_to_fit();
        self.tasks.shrink();
        self.timers.shrink();
        self.runs.shrink();
    }

    pub(super) fn open_effects(&self, program: &Program) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.status != Status::Running {
            return effects;
        }
        for id in self.tasks.values() {
            if let Some(effect) = self.frame(*id).and_then(|frame| self.open_task(program, frame)) {
                effects.push(effect);
            }
        }
        effects.extend(self.timers.iter().map(|(timer, set)| Effect::SetTimer { timer, at: set.at }));
        for id in self.runs.values() {
            if let Some(frame) = self.frame(*id) {
                super::distributed::open_children(program, frame, &mut effects);
            }
        }
        if !self.ready.is_empty() {
            effects.push(Effect::Continue);
        }
        effects
    }

    fn open_task(&self, program: &Program, frame: &Frame) -> Option<Effect> {
        let state = program.states.get(frame.state as usize)?;
        match &frame.phase {
            Phase::Task(run) => {
                let crate::program::Body::Task(task) = &state.body else { return None };
                self.invocation(run, &task.resource, frame, &state.name)
                    .map(|invocation| Effect::InvokeTask(Box::new(invocation)))
            }
            Phase::Distributed(run) => match &run.stage {
                Stage::Reading(read) => Some(Effect::ReadItems(read.clone())),
                Stage::Writing(write) => Some(Effect::WriteResults(write.clone())),
                Stage::Running => None,
            },
            _ => None,
        }
    }

    /// The call of a task; `None` once it was accepted.
    pub(super) fn invocation(
        &self,
        run: &TaskRun,
        resource: &TaskResource,
        frame: &Frame,
        state: &Arc<str>,
    ) -> Option<Invocation> {
        Some(Invocation {
            task: run.task,
            resource: resource.clone(),
            parameters: run.parameters.clone()?,
            token: run.has_token.then(|| crate::token::make(&self.seed, self.context.key, run.task).into()),
            role: run.role.clone(),
            state: state.clone(),
            attempt: frame.retry_count,
            timeout_seconds: run.timeout_seconds,
            heartbeat_seconds: run.heartbeat_seconds,
        })
    }
}
