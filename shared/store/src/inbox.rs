//! Notices in people's inboxes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use toss_kernel::{
    TenantScope,
    id::{NoticeId, TenantId},
};

use crate::{Entity, Key, Range, Table, tenant_partition};

/// How long a notice is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

/// A notice to one person or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id, made from what it tells, so that it is told once.
    pub id: NoticeId,
    /// Whose.
    pub tenant: TenantId,
    /// The person's or the group's name.
    pub recipient: String,
    /// A line above the text.
    #[serde(default)]
    pub subject: Option<String>,
    /// What it says.
    pub text: String,
    /// The task, execution or other thing it is about.
    #[serde(default)]
    pub about: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Notice {
    /// The inbox of a person or group.
    #[must_use]
    pub fn inbox(scope: &TenantScope, recipient: &str) -> Range {
        Range::of(Self::TABLE, tenant_partition(scope, &Self::collection(recipient)))
    }

    fn collection(recipient: &str) -> String {
        format!("inbox#{recipient}")
    }
}

impl Entity for Notice {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "notice";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &Self::collection(&self.recipient), self.id.to_string())
    }

    fn expires(&self) -> Option<i64> {
        self.created_at.saturating_add(KEPT).ok().map(Timestamp::as_second)
    }
}
