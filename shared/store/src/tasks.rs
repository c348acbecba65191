//! Tasks: steps that wait for people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toss_kernel::{
    TenantScope,
    id::{ExecutionId, TaskId, TenantId, WorkflowId},
};
use toss_runtime::scope::of_platform_record;

use crate::{Entity, Index, IndexEntry, Key, Range, Table, json_text, platform_partition, tenant_partition};

mod parts;

pub use parts::{
    Decision, Delegation, Escalation, InlineGroup, Resume, TaskKind, TaskStatus, TaskToken, Verdict,
};

/// Partitions of the index of what is due, so that no single one takes the writes of all tenants.
pub const DUE_SHARDS: u8 = 8;

/// A step that waits for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id, made from execution, step and entry of the state: a step that is called again finds its task.
    pub id: TaskId,
    /// Whose.
    pub tenant: TenantId,
    /// What is asked of people.
    pub task_kind: TaskKind,
    /// The execution that waits.
    pub execution_id: ExecutionId,
    /// Its workflow's name.
    pub workflow: String,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    /// Its workflow's version.
    pub version: u32,
    /// The step that waits.
    pub step: String,
    /// What is asked.
    pub title: String,
    /// More about it, in Markdown.
    #[serde(default)]
    pub description: Option<String>,
    /// Names of people and groups who may decide, as the author wrote them.
    pub assignees: Vec<String>,
    /// Groups that the author wrote out, by name.
    #[serde(default)]
    pub inline_groups: Vec<InlineGroup>,
    /// How many different people must approve.
    pub quorum: u32,
    /// Whether one rejection rejects.
    pub veto: bool,
    /// What was decided, in order.
    #[serde(default, with = "json_text")]
    pub decisions: Vec<Decision>,
    /// Who decides for whom.
    #[serde(default, with = "json_text")]
    pub delegations: Vec<Delegation>,
    /// Who looks after it, for others to see; it binds nobody.
    #[serde(default)]
    pub claimed_by: Option<String>,
    /// What deciders see.
    #[serde(with = "json_text")]
    pub data: Value,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// When it was decided, expired or cancelled.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Who is asked as well, and from when.
    #[serde(default)]
    pub escalations: Vec<Escalation>,
    /// Resumes the step. It never leaves the platform.
    pub token: TaskToken,
    /// Whether the step has been told.
    #[serde(default)]
    pub resume: Option<Resume>,
    /// How often it was replaced.
    pub revision: u64,
}

impl Task {
    const COLLECTION: &'static str = "tasks";

    /// The key of a tenant's task.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: TaskId) -> Key {
        Key::of_tenant(scope, Self::COLLECTION, id.to_string())
    }

    /// The tenant's scope.
    #[must_use]
    pub fn scope(&self) -> TenantScope {
        of_platform_record(self.tenant)
    }

    /// A tenant's tasks, newest last; only those of one status when it is given.
    #[must_use]
    pub fn of_tenant(scope: &TenantScope, status: Option<TaskStatus>) -> Range {
        match status {
            None => Range::of(Self::TABLE, tenant_partition(scope, Self::COLLECTION)),
            Some(status) => Range::of(Self::TABLE, status_partition(scope, status)).by(Index::First),
        }
    }

    /// Tasks with work that is due by `now`, over all tenants, in one of [`DUE_SHARDS`] parts; longest due first.
    #[must_use]
    pub fn due(shard: u8, now: Timestamp) -> Range {
        let last = format!("{}~", instant(now));
        Range::of(Self::TABLE, due_partition(shard)).by(Index::Second).between("0", last)
    }

    /// When the timers have to look at it next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        match (&self.resume, self.status) {
            (Some(Resume::Pending { not_before, .. }), _) => Some(*not_before),
            (_, TaskStatus::Open) => {
                let escalation = self.escalations.iter().filter(|step| !step.done).map(|step| step.at).min();
                [escalation, self.due_at].into_iter().flatten().min()
            }
            _ => None,
        }
    }

    fn shard(&self) -> u8 {
        u8::try_from(self.id.ulid().0 % u128::from(DUE_SHARDS)).unwrap_or(0)
    }
}

impl Entity for Task {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "task";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, Self::COLLECTION, self.id.to_string())
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry {
            index: Index::First,
            pk: status_partition(&self.scope(), self.status),
            sk: self.id.to_string(),
        }];
        entries.extend(self.next_due().map(|due| IndexEntry {
            index: Index::Second,
            pk: due_partition(self.shard()),
            sk: format!("{}#{}#{}", instant(due), self.tenant, self.id),
        }));
        entries
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Finds the tasks of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOfExecution {
    /// Whose.
    pub tenant: TenantId,
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its task.
    pub task_id: TaskId,
}

impl TaskOfExecution {
    /// The tasks of an execution, oldest first.
    #[must_use]
    pub fn of(scope: &TenantScope, execution: ExecutionId) -> Range {
        Range::of(Self::TABLE, tenant_partition(scope, &Self::collection(execution)))
    }

    fn collection(execution: ExecutionId) -> String {
        format!("execution-tasks#{execution}")
    }
}

impl From<&Task> for TaskOfExecution {
    fn from(task: &Task) -> Self {
        Self { tenant: task.tenant, execution_id: task.execution_id, task_id: task.id }
    }
}

impl Entity for TaskOfExecution {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "execution-task";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &Self::collection(self.execution_id), self.task_id.to_string())
    }
}

fn status_partition(scope: &TenantScope, status: TaskStatus) -> String {
    tenant_partition(scope, &format!("tasks#{}", status.as_str()))
}

fn due_partition(shard: u8) -> String {
    platform_partition(&format!("due-tasks#{shard}"))
}

/// A time of fixed width, which sorts as text.
fn instant(time: Timestamp) -> String {
    format!("{time:.3}")
}
