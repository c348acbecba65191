//! Webhooks by Standard Webhooks 1.0: <https://github.com/standard-webhooks/standard-webhooks>.

mod attempt;
mod deliver;
mod event;
mod publish;
mod schedule;
mod secrets;
mod signature;

pub use attempt::{AttemptReport, Delivery, Verdict, attempt};
pub use deliver::{DeliverError, Delivered, Deliverer};
pub use event::{Event, EventType, UnknownEventType};
pub use publish::{PublishError, Publisher, WebhookMessage};
pub use schedule::{LAST_ATTEMPT, next_attempt};
pub use secrets::{SecretsError, open_secrets, seal_secret};
pub use signature::{SecretError, SignatureError, Signed, TOLERANCE, WebhookSecret, sign, verify};

#[cfg(test)]
mod deliver_tests;
