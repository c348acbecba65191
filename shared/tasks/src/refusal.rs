//! Why a request about a task is refused.

use serde_json::json;
use toss_runtime::api::Problem;
use toss_store::{StoreError, tasks::TaskStatus};

/// Why a request about a task is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The principal has no voice in the task.
    #[error("The task is not assigned to '{name}'. Whoever it is assigned to decides, or delegates.")]
    NotAssigned {
        /// The principal.
        name: String,
    },
    /// An administrator did not say for whom.
    #[error("The task is not assigned to '{name}'. Say in 'as' for which assignee you decide.")]
    SayForWhom {
        /// The principal.
        name: String,
    },
    /// `as` names nobody of the task.
    #[error(
        "'{name}' is not an assignee of this task. Name a person it is assigned to, a member of a group it is assigned to, or a delegate."
    )]
    NoSuchAssignee {
        /// The name.
        name: String,
    },
    /// The person, or the assignee it speaks for, has decided.
    #[error("'{name}' has decided already, and a decision is not taken back.")]
    AlreadyDecided {
        /// The name.
        name: String,
    },
    /// The task waits for nobody any more.
    #[error("The task is {} and can no longer be changed.", status.as_str())]
    Closed {
        /// Where it stands.
        status: TaskStatus,
    },
    /// A delegation to the one who delegates.
    #[error("'{name}' has this voice already. Delegate to someone else.")]
    DelegateToSelf {
        /// The name.
        name: String,
    },
    /// A delegation to someone who decides anyway.
    #[error(
        "'{name}' has a voice in this task already, and its quorum is of different people. Delegate to someone else."
    )]
    DelegateHasVoice {
        /// The name.
        name: String,
    },
    /// Someone else looks after it.
    #[error("'{by}' has claimed the task.")]
    Claimed {
        /// Who.
        by: String,
    },
    /// No more text fits.
    #[error("The task holds as many comments as it can. Decide without a comment, or with a shorter one.")]
    Full,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::NotAssigned { .. } => (403, "not-assigned"),
            Refusal::SayForWhom { .. } => (422, "say-for-whom"),
            Refusal::NoSuchAssignee { .. } => (422, "not-an-assignee"),
            Refusal::AlreadyDecided { .. } => (409, "already-decided"),
            Refusal::Closed { status: TaskStatus::Expired } => (409, "task-expired"),
            Refusal::Closed { .. } => (409, "task-closed"),
            Refusal::DelegateToSelf { .. } => (422, "delegate-to-self"),
            Refusal::DelegateHasVoice { .. } => (422, "delegate-has-voice"),
            Refusal::Claimed { .. } => (409, "task-claimed"),
            Refusal::Full => (422, "task-full"),
        };
        let problem = Self::new(status, code, refusal.to_string());
        match refusal {
            Refusal::Closed { status } => problem.with_member("task_status", json!(status)),
            _ => problem,
        }
    }
}

/// Why something about a task was not done.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It is not allowed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such task in the tenant.
    #[error("there is no such task")]
    NotFound,
    /// Others changed it each time.
    #[error("others are changing the task at the same time; try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event could not be put on record.
    #[error("the audit event was not written")]
    Audit(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Step Functions did not take the answer.
    #[error("the waiting step was not told: {0}")]
    Resume(String),
    /// Those concerned were not told.
    #[error("a notice was not sent")]
    Notice(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Refused(refusal) => refusal.into(),
            TaskError::NotFound => Self::not_found("task"),
            TaskError::Contended => {
                Self::unavailable("Others are changing the task at the same time; try again.")
            }
            TaskError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}
