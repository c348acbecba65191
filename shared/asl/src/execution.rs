//! An execution: stimuli in, effects and events out.

use crate::{Effect, ExecutionContext, Machine, Outcome, Payload, Seed, Status, Stimulus, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

/// A running or finished execution.
#[derive(Debug, Clone)]
pub struct Execution {
    machine: Machine,
    state: Snapshot,
}

/// All that an execution is, apart from its machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    context: ExecutionContext,
    seed: Seed,
    status: Status,
}

impl Execution {
    /// Begins an execution at `context.start_time`.
    #[must_use]
    pub fn start(machine: Machine, _input: Payload, context: ExecutionContext, seed: Seed) -> (Self, Outcome) {
        let state = Snapshot { context, seed, status: Status::Running };
        (Self { machine, state }, Outcome::default())
    }

    /// Goes on from a snapshot. The machine must be the one that the execution was started with.
    #[must_use]
    pub fn restore(machine: Machine, state: Snapshot) -> Self {
        Self { machine, state }
    }

    /// Takes the execution further. `now` must not be earlier than at the last stimulus.
    pub fn apply(&mut self, _stimulus: Stimulus, _now: Timestamp) -> Outcome {
        Outcome::default()
    }

    /// The execution without its machine, to be stored.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.state
    }

    /// What a restarted host must take up again: unanswered calls, timers, child executions.
    #[must_use]
    pub fn open_effects(&self) -> Vec<Effect> {
        Vec::new()
    }

    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status
    }

    /// The machine it runs.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Who it is.
    #[must_use]
    pub const fn context(&self) -> &ExecutionContext {
        &self.state.context
    }

    /// Whether the token belongs to a task that still waits for it; its [`TaskId`] then.
    #[must_use]
    pub fn holds_token(&self, token: &str) -> Option<TaskId> {
        let (_, task) = crate::token::route(token)?;
        (crate::token::make(&self.state.seed, self.state.context.key, task) == token).then_some(task)
    }

    /// Gives up memory that a long wait does not need. It is rebuilt when the execution goes on.
    pub fn compact(&mut self) {}
}
