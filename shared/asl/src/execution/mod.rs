//! An execution: stimuli in, effects and events out.

mod abandon;
mod composite;
mod distributed;
mod errors;
mod evaluation;
mod numbers;
mod output;
mod run;
mod snapshot;
mod sorted;
mod states;
mod stimuli;
mod task;
mod trial;

pub use snapshot::Snapshot;

pub(crate) use evaluation::context_object;
pub(crate) use run::Trouble;
pub(crate) use trial::{Need, Trial, TrialResult};

use crate::{
    Completion, Effect, ExecutionContext, Machine, Outcome, Payload, Seed, Status, Stimulus, TaskId,
    Timestamp,
};
use run::Run;

/// The largest payload, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 262_144;

/// A running or finished execution.
#[derive(Debug, Clone)]
pub struct Execution {
    machine: Machine,
    state: Snapshot,
}

impl Execution {
    /// Begins an execution at `context.start_time`.
    #[must_use]
    pub fn start(machine: Machine, input: Payload, context: ExecutionContext, seed: Seed) -> (Self, Outcome) {
        let now = context.start_time;
        let mut state = Snapshot::new(input, context, seed, machine.start());
        let mut run = Run::new(machine.program(), &mut state, now);
        run.begin();
        let outcome = run.finish();
        (Self { machine, state }, outcome)
    }

    /// Goes on from a snapshot. The machine must be the one that the execution was started with.
    #[must_use]
    pub const fn restore(machine: Machine, state: Snapshot) -> Self {
        Self { machine, state }
    }

    /// Takes the execution further. `now` must not be earlier than at the last stimulus.
    pub fn apply(&mut self, stimulus: Stimulus, now: Timestamp) -> Outcome {
        let mut run = Run::new(self.machine.program(), &mut self.state, now);
        run.stimulate(stimulus);
        run.finish()
    }

    /// The execution without its machine, to be stored.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.state
    }

    /// What a restarted host must take up again: unanswered calls, timers, child executions.
    #[must_use]
    pub fn open_effects(&self) -> Vec<Effect> {
        self.state.open_effects(self.machine.program())
    }

    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn completion(&self) -> Option<&Completion> {
        self.state.completion.as_deref()
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

    /// What it was started with.
    #[must_use]
    pub const fn input(&self) -> &Payload {
        &self.state.input
    }

    /// How many events its history has.
    #[must_use]
    pub const fn event_count(&self) -> u64 {
        self.state.last_event
    }

    /// How often it was redriven.
    #[must_use]
    pub const fn redrive_count(&self) -> u32 {
        self.state.redrive_count
    }

    /// The task that the token belongs to, if it still waits.
    #[must_use]
    pub fn holds_token(&self, token: &str) -> Option<TaskId> {
        let (key, task) = crate::token::route(token)?;
        let own = key == self.state.context.key && self.state.tasks.contains_key(&task);
        (own && crate::token::make(&self.state.seed, key, task) == token).then_some(task)
    }

    /// Gives up memory that a long wait does not need. It is rebuilt when the execution goes on.
    pub fn compact(&mut self) {
        self.state.compact();
    }
}
