//! What invokes functions besides the gateway: queues, streams, rules and timers.

mod schedule;

pub use schedule::{ScheduleError, Timetable};
