//! Webhooks by Standard Webhooks 1.0: <https://github.com/standard-webhooks/standard-webhooks>.

mod attempt;
mod event;
mod schedule;
mod signature;

pub use attempt::{AttemptReport, Delivery, Verdict, attempt};
pub use event::{Event, EventType, UnknownEventType};
pub use schedule::{LAST_ATTEMPT, next_attempt};
pub use signature::{SecretError, SignatureError, Signed, TOLERANCE, WebhookSecret, sign, verify};
