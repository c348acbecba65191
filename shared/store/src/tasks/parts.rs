//! What a task is made of.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// To approve or reject.
    Approval,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It waits for people.
    Open,
    /// Enough of them approved.
    Approved,
    /// It was rejected.
    Rejected,
    /// Its time passed.
    Expired,
    /// Its execution ended without it.
    Cancelled,
}

impl TaskStatus {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// What one person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Who.
    pub principal: String,
    /// What.
    pub decision: Verdict,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When.
    pub decided_at: Timestamp,
    /// For which assignee, when a delegate decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Whose credential carried it, when it was another's: an administrator who recorded it with `as`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_by: Option<String>,
}

impl Decision {
    /// The assignee whose voice it is.
    #[must_use]
    pub fn voice(&self) -> &str {
        self.on_behalf_of.as_deref().unwrap_or(&self.principal)
    }
}

/// One person decides for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delegation {
    /// The assignee.
    pub from: String,
    /// Who decides instead.
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Since when.
    pub delegated_at: Timestamp,
    /// Whose credential carried it, when it was another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_by: Option<String>,
}

/// More people are asked when nobody decided in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalation {
    /// From when on.
    pub at: Timestamp,
    /// Names of people and groups, who may then decide too.
    pub to: Vec<String>,
    /// Whether they have been asked.
    #[serde(default)]
    pub done: bool,
}

/// A group that the author wrote out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InlineGroup {
    /// Its name.
    pub group: String,
    /// Names of its members.
    pub members: Vec<String>,
}

/// Whether the waiting step has been told of the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Resume {
    /// Not yet, as far as is known.
    Pending {
        /// How often telling it failed.
        attempts: u32,
        /// When the timers try; until then whoever recorded the decision does.
        not_before: Timestamp,
    },
    /// It has, or it no longer waits.
    Done,
}

/// What resumes a waiting step. It is not shown to anyone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskToken(String);

impl TaskToken {
    /// Wraps a token of Step Functions.
    #[must_use]
    pub const fn new(token: String) -> Self {
        Self(token)
    }

    /// The token, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskToken(…)")
    }
}
