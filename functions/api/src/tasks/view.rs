//! A task as the API shows it: everything but its token.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toss_kernel::id::{ExecutionId, TaskId};
use toss_store::tasks::{Decision, Delegation, Escalation, Task, TaskKind, TaskStatus};
use toss_tasks::People;

/// A task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Task")]
pub(crate) struct TaskView {
    id: TaskId,
    execution_id: ExecutionId,
    /// The workflow's name.
    workflow: String,
    /// The workflow's version.
    version: u32,
    /// The step that waits.
    step: String,
    /// What is asked of people.
    kind: TaskKind,
    title: String,
    /// More about it, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    status: TaskStatus,
    /// Names of people and groups who may decide, as the workflow names them.
    assignees: Vec<String>,
    /// Who may decide now, with the members of groups. Only where one task is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<String>>,
    /// How many different people must approve.
    quorum: u32,
    /// Whether one rejection rejects.
    veto: bool,
    decisions: Vec<Decision>,
    delegations: Vec<Delegation>,
    /// Who looks after it.
    claimed_by: Option<String>,
    /// What deciders see.
    data: Value,
    /// Who is asked as well, and from when.
    escalations: Vec<Escalation>,
    created_at: Timestamp,
    /// When it expires.
    due_at: Option<Timestamp>,
    /// When it was decided, expired or cancelled.
    closed_at: Option<Timestamp>,
}

impl TaskView {
    pub(crate) fn with_people(task: Task, people: &People) -> Self {
        Self { people: Some(people.iter().map(str::to_owned).collect()), ..Self::from(task) }
    }
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            execution_id: task.execution_id,
            workflow: task.workflow,
            version: task.version,
            step: task.step,
            kind: task.task_kind,
            title: task.title,
            description: task.description,
            status: task.status,
            assignees: task.assignees,
            people: None,
            quorum: task.quorum,
            veto: task.veto,
            decisions: task.decisions,
            delegations: task.delegations,
            claimed_by: task.claimed_by,
            data: task.data,
            escalations: task.escalations,
            created_at: task.created_at,
            due_at: task.due_at,
            closed_at: task.closed_at,
        }
    }
}
