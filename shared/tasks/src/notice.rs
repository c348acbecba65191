//! Messages on the approvals queue: what is to be told about a task.

use std::time::Duration;

use aws_sdk_sqs::error::DisplayErrorContext;
use serde::{Deserialize, Serialize};
use toss_kernel::id::{TaskId, TenantId};
use toss_runtime::{ConfigurationError, Platform, grant::Queue};

/// The longest that SQS holds a message back.
pub const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// What happened to a task, or is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "occasion", rename_all = "snake_case")]
pub enum Occasion {
    /// People are asked.
    Created,
    /// An escalation may be due.
    EscalationDue,
    /// It was decided.
    Decided,
    /// It was passed to someone.
    Delegated {
        /// To whom.
        to: String,
    },
    /// Its time passed.
    Expired,
}

/// A message of the approvals queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose task.
    pub tenant: TenantId,
    /// Which.
    pub task: TaskId,
    /// What happened.
    #[serde(flatten)]
    pub occasion: Occasion,
}

/// The queue did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take the message: {0}")]
pub struct QueueError(String);

/// Sends messages to the approvals queue.
#[derive(Debug, Clone)]
pub struct NoticeQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl NoticeQueue {
    /// The queue of a function that may send to it.
    ///
    /// # Errors
    /// [`ConfigurationError`] when the queue's URL is not set.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        let url = platform.environment.required(Queue::Approvals.variable())?.to_owned();
        Ok(Self { client: platform.sdk.sqs().clone(), url })
    }

    /// Sends a message, at once or after a delay of at most [`LONGEST_DELAY`].
    ///
    /// # Errors
    /// [`QueueError`] when SQS does not take it.
    pub async fn send(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|error| QueueError(error.to_string()))?;
        let seconds = i32::try_from(delay.min(LONGEST_DELAY).as_secs()).unwrap_or(0);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_delay_seconds((seconds > 0).then_some(seconds))
            .send()
            .await
            .map(drop)
            .map_err(|error| QueueError(DisplayErrorContext(error).to_string()))
    }
}
