//! The Amazon States Language: parse, validate, interpret. No I/O.
//!
//! # The shape
//! - [`Machine::parse`] reads, checks and compiles a definition. A machine is cheap to clone and can be used
//!   from any thread.
//! - [`Execution::start`] begins an execution and [`Execution::apply`] takes it further: a [`Stimulus`] goes in
//!   with the moment it happened, and an [`Outcome`] comes out: [`Effect`]s that the host must carry out, and
//!   [`HistoryEvent`]s as AWS writes them.
//!
//! Nothing here reads a clock, a random source or the network. Time comes with the stimuli; UUIDs, jitter and
//! task tokens come from the seed. The same machine, input, context, seed and stimuli give the same effects and
//! events, byte for byte, so a host that writes stimuli down before it carries out their effects recovers by
//! replaying them.
//!
//! # What a host does
//! 1. `let (mut execution, outcome) = Execution::start(...)`; carry out `outcome.effects`.
//! 2. When a call answers, a timer fires or a token comes back: `execution.apply(stimulus, now)`, and carry out
//!    the effects. An outcome that is not `accepted` changed nothing (the task is gone): nothing needs to be
//!    written down, and a `SendTaskSuccess` is answered with `TaskTimedOut`.
//! 3. [`Effect::Complete`] is always the last effect of an execution.
//!
//! A snapshot is [`Execution::snapshot`] with any serde format that describes itself or not; [`Execution::restore`]
//! goes on from there, and [`Execution::open_effects`] tells what a restarted host must take up again: calls
//! without an answer, timers, child executions.
//!
//! `TaskStarted` and `LambdaFunctionStarted` events are written together with the scheduling, so that a call
//! needs one stimulus, its answer. A task token names its execution: [`token::route`] tells which.

mod choice;
mod compile;
mod context;
mod diagnostic;
mod effect;
mod execution;
mod hash;
mod history;
mod intrinsic;
mod items;
mod jsonata;
mod jsonpath;
mod logging;
mod machine;
mod payload;
mod program;
mod resource;
mod template;
mod test_state;
mod timestamp;
pub mod token;
mod validate;
mod value;

pub use context::{ExecutionContext, MapChild, Seed};
pub use diagnostic::{Diagnostic, Severity, rejection};
pub use effect::{
    ChildStart, Completion, Effect, Invocation, MapRunId, MapRunStart, Outcome, ReadItems, Status, Stimulus,
    TaskId, TimerId, WriteResults,
};
pub use execution::{Execution, Snapshot};
pub use history::{Assigned, Event, Failure, HistoryEvent, StateKind, TaskScheduled};
pub use items::read_items;
pub use logging::check_logging;
pub use machine::Machine;
pub use payload::Payload;
pub use resource::{Pattern, ResourceKind, TaskResource};
pub use test_state::{ApiError, StateTest};
pub use timestamp::Timestamp;
pub use validate::{MachineType, ValidationOptions, validate};
pub use value::{NameHasher, Object, Value};
