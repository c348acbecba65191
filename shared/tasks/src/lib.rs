//! Human tasks: who may decide, when a quorum is reached, and how the waiting step is told.
//!
//! [`rules`] are pure. [`Desk`] reads and writes tasks under them, each change in one transaction with its audit
//! event. A decision that closes a task is written first, with the note that the step is yet to be told;
//! [`Resumer`] then tells it, and the timers worker tells it again when whoever should have died in between.
//! What people are to hear goes through [`NoticeQueue`].

mod desk;
mod notice;
mod open;
mod people;
mod progress;
mod refusal;
mod resume;
pub mod rules;

pub use desk::{AuditContext, Desk, Request};
pub use notice::{LONGEST_DELAY, Message, NoticeQueue, Occasion, QueueError};
pub use open::{NewEscalation, NewTask, OpenError};
pub use people::{Groups, People};
pub use refusal::{Refusal, TaskError};
pub use resume::{ApprovalResult, Outcome, Resumer, Told};
pub use rules::{Asker, Ballot, Effect};

#[cfg(test)]
mod desk_tests;
#[cfg(test)]
mod rules_tests;
