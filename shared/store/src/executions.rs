//! Executions of workflows.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toss_kernel::{
    TenantScope,
    id::{ExecutionId, TenantId, WorkflowId},
};
use toss_runtime::scope::of_platform_record;

use crate::{Entity, Index, IndexEntry, Key, Range, Table, tenant_partition};

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// It is under way.
    Running,
    /// It came to an end.
    Succeeded,
    /// It failed.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It was stopped.
    Cancelled,
}

impl ExecutionStatus {
    /// Whether it has ended.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// The name in JSON and in the index.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Whose.
    pub tenant: TenantId,
    /// Its id; also its name at Step Functions.
    pub id: ExecutionId,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's version.
    pub version: u32,
    /// The version's state machine.
    pub state_machine: String,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 of the input, in hexadecimal.
    pub input_digest: String,
    /// Where it stands. It changes when an event tells so, a moment after it happened.
    pub status: ExecutionStatus,
    /// Whether Step Functions is known to have it. An execution is written down before it is started.
    pub started: bool,
    /// How often it was taken up again.
    pub redrives: u32,
    /// The error it failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error's cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Who started it.
    pub started_by: String,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How often it was replaced.
    pub revision: u64,
}

const EXECUTIONS: &str = "executions";

impl Execution {
    /// The key of an execution.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: ExecutionId) -> Key {
        Key::of_tenant(scope, EXECUTIONS, id.to_string())
    }

    /// A tenant's executions, newest first.
    #[must_use]
    pub fn all(scope: &TenantScope) -> Range {
        Range::of(Table::Work, tenant_partition(scope, EXECUTIONS)).newest_first()
    }

    /// A workflow's executions, newest first.
    #[must_use]
    pub fn of_workflow(scope: &TenantScope, workflow: &str) -> Range {
        Range::of(Table::Work, tenant_partition(scope, &format!("{EXECUTIONS}#workflow#{workflow}")))
            .by(Index::First)
            .newest_first()
    }

    /// A tenant's executions of one status, newest first.
    #[must_use]
    pub fn of_status(scope: &TenantScope, status: ExecutionStatus) -> Range {
        Range::of(Table::Work, tenant_partition(scope, &format!("{EXECUTIONS}#status#{}", status.name())))
            .by(Index::Second)
            .newest_first()
    }
}

impl Entity for Execution {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "execution";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, EXECUTIONS, self.id.to_string())
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let scope = of_platform_record(self.tenant);
        let entry = |index, collection: String| IndexEntry {
            index,
            pk: tenant_partition(&scope, &collection),
            sk: self.id.to_string(),
        };
        vec![
            entry(Index::First, format!("{EXECUTIONS}#workflow#{}", self.workflow)),
            entry(Index::Second, format!("{EXECUTIONS}#status#{}", self.status.name())),
        ]
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Which of an execution's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// What it was started with.
    Input,
    /// What it answered.
    Output,
}

impl DocumentKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// An execution's input or output. Each may be as large as a state's data, so each is an item of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionDocument {
    /// Whose.
    pub tenant: TenantId,
    /// Of which execution.
    pub execution: ExecutionId,
    /// Which.
    pub document: DocumentKind,
    /// JSON.
    pub text: String,
}

fn documents(execution: ExecutionId) -> String {
    format!("execution#{execution}")
}

impl ExecutionDocument {
    /// The key of a document.
    #[must_use]
    pub fn key_of(scope: &TenantScope, execution: ExecutionId, document: DocumentKind) -> Key {
        Key::of_tenant(scope, &documents(execution), document.name())
    }
}

impl Entity for ExecutionDocument {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "execution-document";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &documents(self.execution), self.document.name())
    }
}

/// A caller's name for an execution, taken once for each workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionName {
    /// Whose.
    pub tenant: TenantId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The name.
    pub name: String,
    /// The execution that has it.
    pub execution: ExecutionId,
}

fn names(workflow: WorkflowId) -> String {
    format!("execution-names#{workflow}")
}

impl ExecutionName {
    /// The key of a name.
    #[must_use]
    pub fn key_of(scope: &TenantScope, workflow: WorkflowId, name: &str) -> Key {
        Key::of_tenant(scope, &names(workflow), name)
    }
}

impl Entity for ExecutionName {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "execution-name";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &names(self.workflow), self.name.clone())
    }
}
