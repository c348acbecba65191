//! What invokes functions besides the gateway: queues, streams, events and timers.

mod deferred;
mod events;
mod pattern;
mod queue;
mod schedule;
mod stream;
mod timer;

pub(crate) use deferred::Deferred;
pub(crate) use events::EventBus;
pub(crate) use queue::QueuePoller;
pub use schedule::{ScheduleError, Timetable};
pub(crate) use stream::StreamPoller;
pub(crate) use timer::Timers;
