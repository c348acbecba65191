//! Message move tasks: a dead-letter queue's messages on their way back.

use std::sync::{Mutex, PoisonError, atomic::AtomicU64};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A task, running or ended.
pub(crate) struct MoveTask {
    pub(crate) handle: String,
    pub(crate) source_arn: String,
    pub(crate) destination_arn: Option<String>,
    pub(crate) per_second: Option<usize>,
    pub(crate) to_move: usize,
    pub(crate) started: i64,
    pub(crate) moved: AtomicU64,
    pub(crate) status: Mutex<Status>,
}

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed(String),
}

impl MoveTask {
    pub(crate) fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_status(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status(), Status::Running | Status::Cancelling)
    }

    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Its entry in a listing. Only a task that runs can be cancelled, so only such a one shows its handle.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = json!({
            "SourceArn": self.source_arn,
            "ApproximateNumberOfMessagesMoved": self.moved(),
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started,
        });
        shown["Status"] = match self.status() {
            Status::Running => {
                shown["TaskHandle"] = json!(self.handle);
                json!("RUNNING")
            }
            Status::Cancelling => json!("CANCELLING"),
            Status::Completed => json!("COMPLETED"),
            Status::Cancelled => json!("CANCELLED"),
            Status::Failed(reason) => {
                shown["FailureReason"] = json!(reason);
                json!("FAILED")
            }
        };
        if let Some(destination) = &self.destination_arn {
            shown["DestinationArn"] = json!(destination);
        }
        if let Some(per_second) = self.per_second {
            shown["MaxNumberOfMessagesPerSecond"] = json!(per_second);
        }
        shown
    }
}

/// The handle of a task, which carries the ARN of its source.
pub(crate) fn handle(id: &str, source_arn: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{id} {source_arn}"))
}

/// The ARN of the source of the task with this handle.
pub(crate) fn source_of(handle: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
    Some(text.split_once(' ')?.1.to_owned())
}
