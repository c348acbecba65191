//! Workflows and their versions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toss_kernel::{
    TenantScope,
    id::{TenantId, WorkflowId},
};

use crate::{Entity, Key, Range, Table, json_text, tenant_partition};

/// A workflow, over all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Whose.
    pub tenant: TenantId,
    /// Its id; a workflow that is deleted and made again under the same name has another.
    pub id: WorkflowId,
    /// Its name.
    pub name: String,
    /// A few words for people, from its newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The newest version that can be started; 0 before there is one.
    pub latest: u32,
    /// The newest version that was begun. Numbers are given once, so that a version whose creation died leaves
    /// a gap and never a state machine of two definitions.
    pub reserved: u32,
    /// Whether it is being deleted: nothing starts any more.
    #[serde(default)]
    pub deleting: bool,
    /// When its first version was made.
    pub created_at: Timestamp,
    /// When its newest version was made.
    pub updated_at: Timestamp,
    /// How often it was replaced.
    pub revision: u64,
}

const WORKFLOWS: &str = "workflows";

impl Workflow {
    /// The key of a workflow.
    #[must_use]
    pub fn key_of(scope: &TenantScope, name: &str) -> Key {
        Key::of_tenant(scope, WORKFLOWS, name)
    }

    /// A tenant's workflows, by name.
    #[must_use]
    pub fn all(scope: &TenantScope) -> Range {
        Range::of(Table::Work, tenant_partition(scope, WORKFLOWS))
    }

    /// The newest version that can be started, if there is one and the workflow is not being deleted.
    #[must_use]
    pub fn startable(&self) -> Option<u32> {
        (self.latest > 0 && !self.deleting).then_some(self.latest)
    }
}

impl Entity for Workflow {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "workflow";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, WORKFLOWS, self.name.clone())
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// How a definition was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// One version of a workflow. Its definition never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowVersion {
    /// Whose.
    pub tenant: TenantId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The workflow's name.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// The author's text.
    pub source: String,
    /// How it is written.
    pub format: SourceFormat,
    /// What an execution's input must fit.
    #[serde(default, with = "json_text")]
    pub input_schema: Option<Value>,
    /// Steps and the states they became.
    #[serde(default, with = "json_text")]
    pub states: Vec<(String, String)>,
    /// The activity types it uses.
    pub activities: Vec<String>,
    /// The state machine, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_machine: Option<String>,
    /// What the request was recognised by that made it, if it can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// How often it was replaced.
    pub revision: u64,
}

fn versions(workflow: WorkflowId) -> String {
    format!("workflow#{workflow}")
}

impl WorkflowVersion {
    /// The key of a version.
    #[must_use]
    pub fn key_of(scope: &TenantScope, workflow: WorkflowId, version: u32) -> Key {
        Key::of_tenant(scope, &versions(workflow), format!("{version:010}"))
    }

    /// A workflow's versions, newest first.
    #[must_use]
    pub fn of_workflow(scope: &TenantScope, workflow: WorkflowId) -> Range {
        Range::of(Table::Work, tenant_partition(scope, &versions(workflow))).newest_first()
    }
}

impl Entity for WorkflowVersion {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "workflow-version";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &versions(self.workflow), format!("{:010}", self.version))
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Whose a workflow is: events of its state machines name the workflow and no tenant. It outlives the workflow,
/// whose last executions may end after it is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowOwner {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Whose.
    pub tenant: TenantId,
}

impl WorkflowOwner {
    /// The key of an owner.
    #[must_use]
    pub fn key_of(workflow: WorkflowId) -> Key {
        Key::of_platform(&format!("workflow#{workflow}"), "owner")
    }
}

impl Entity for WorkflowOwner {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "workflow-owner";

    fn key(&self) -> Key {
        Self::key_of(self.workflow)
    }
}
