//! Telling the waiting step what was decided.

use aws_sdk_sfn::{
    Client, config::retry::RetryConfig, error::DisplayErrorContext,
    operation::send_task_success::SendTaskSuccessError,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toss_kernel::id::TaskId;
use toss_runtime::Platform;
use toss_store::tasks::{Decision, Task, TaskStatus};

use crate::TaskError;

/// What a task came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Enough people approved.
    Approved,
    /// It was rejected.
    Rejected,
}

/// What the variable of a `UserApproval` step is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalResult {
    /// What was decided.
    pub decision: Outcome,
    /// Who decided what, in order.
    pub decisions: Vec<Decision>,
    /// The task's id.
    pub task_id: TaskId,
    /// When the last decision fell.
    pub decided_at: Timestamp,
}

impl ApprovalResult {
    /// The result of a task; none while it is open, or when it was closed undecided.
    #[must_use]
    pub fn of(task: &Task) -> Option<Self> {
        let decision = match task.status {
            TaskStatus::Approved => Outcome::Approved,
            TaskStatus::Rejected => Outcome::Rejected,
            TaskStatus::Open | TaskStatus::Expired | TaskStatus::Cancelled => return None,
        };
        let decided_at = task.closed_at.unwrap_or(task.created_at);
        Some(Self { decision, decisions: task.decisions.clone(), task_id: task.id, decided_at })
    }
}

/// What became of the answer to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The step has it.
    Taken,
    /// No step waits under this token any more.
    Gone,
}

/// Tells waiting steps.
#[derive(Debug, Clone)]
pub struct Resumer {
    client: Client,
}

impl Resumer {
    /// The resumer of a function that may answer for waiting steps.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self { client: platform.sdk.sfn().clone() }
    }

    /// Tells the step what its task came to. Done twice, the second time answers [`Told::Gone`].
    ///
    /// # Errors
    /// [`TaskError::Resume`] when it is not known whether the step was told; the task must be told again.
    pub async fn tell(&self, task: &Task) -> Result<Told, TaskError> {
        let Some(result) = ApprovalResult::of(task) else { return Ok(Told::Gone) };
        let output = serde_json::to_string(&result).map_err(|error| TaskError::Resume(error.to_string()))?;
        // A retry of a call whose answer was lost would be told that the token is gone, and a decision that was
        // taken would look like one that came too late. So one attempt; the timers worker makes the next.
        let once = aws_sdk_sfn::Config::builder().retry_config(RetryConfig::disabled());
        let answer = self
            .client
            .send_task_success()
            .task_token(task.token.expose())
            .output(output)
            .customize()
            .config_override(once)
            .send()
            .await;
        let Err(error) = answer else { return Ok(Told::Taken) };
        match error.as_service_error() {
            Some(
                SendTaskSuccessError::TaskTimedOut(_)
                | SendTaskSuccessError::TaskDoesNotExist(_)
                | SendTaskSuccessError::InvalidToken(_),
            ) => Ok(Told::Gone),
            _ => Err(TaskError::Resume(DisplayErrorContext(error).to_string())),
        }
    }
}
