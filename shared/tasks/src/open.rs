//! Making a task, once for each time a step is entered.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use toss_audit::{Actor, AuditEvent};
use toss_kernel::id::{AuditEventId, TaskId};
use toss_runtime::ActivityCall;
use toss_store::{
    StoreError,
    tasks::{Escalation, InlineGroup, Resume, Task, TaskKind, TaskOfExecution, TaskStatus, TaskToken},
};

use crate::{
    Desk, People, TaskError,
    desk::{Change, Entry},
};

/// The largest task as JSON, so that with its decisions it stays below what an item holds.
const LARGEST: usize = 280 * 1024;

/// What a step asks of people.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// What is asked.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// Names of people and groups who may decide.
    pub assignees: Vec<String>,
    /// Groups that are written out.
    pub inline_groups: Vec<InlineGroup>,
    /// How many different people must approve.
    pub quorum: u32,
    /// Whether one rejection rejects.
    pub veto: bool,
    /// What deciders see.
    pub data: Value,
    /// Seconds until it expires.
    pub timeout_seconds: Option<u64>,
    /// Who is asked as well, and when.
    pub escalations: Vec<NewEscalation>,
}

/// Who is asked as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEscalation {
    /// Seconds without a decision.
    pub after_seconds: u64,
    /// Names of people and groups.
    pub to: Vec<String>,
}

/// Why a task was not made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody could decide it.
    #[error(
        "Nobody is meant by 'assignees': the groups it names have no members. Add members with PUT /v1/groups/{{name}}."
    )]
    NoAssignee,
    /// Too few could decide it.
    #[error(
        "The quorum is {quorum}, and only {people} people may decide. Lower the quorum or add assignees."
    )]
    QuorumOutOfReach {
        /// How many must approve.
        quorum: u32,
        /// How many there are.
        people: usize,
    },
    /// Its text and data are too large.
    #[error("The task's title, description and data are larger than {LARGEST} bytes. Pass less in 'data'.")]
    TooLarge,
    /// The step does not wait.
    #[error("The step passed no task token; only a compiled workflow can call this activity.")]
    NoToken,
    /// It could not be written.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Task(error.into())
    }
}

fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    start.checked_add(seconds).unwrap_or(Timestamp::MAX)
}

impl Desk {
    /// Makes the step's task, or finds the one that an earlier attempt of the step made.
    ///
    /// # Errors
    /// [`OpenError`] when nobody could decide it, or it could not be written.
    pub async fn open(&self, call: &ActivityCall, new: NewTask) -> Result<Task, OpenError> {
        let task = self.new_task(call, new)?;
        let people = self.people(&task).await?;
        if people.is_empty() {
            return Err(OpenError::NoAssignee);
        }
        if !can_reach(&people, &task) {
            return Err(OpenError::QuorumOutOfReach { quorum: task.quorum, people: people.len() });
        }
        let record = self.prepare(&call.scope, &created(&task, call)?).await?;
        let transaction = self.store.transaction().create(&task)?.create(&TaskOfExecution::from(&task))?;
        match transaction.create(&record)?.commit().await {
            Ok(()) => Ok(task),
            Err(StoreError::Refused { .. }) => Ok(self.take_over(task).await?),
            Err(error) => Err(error.into()),
        }
    }

    fn new_task(&self, call: &ActivityCall, new: NewTask) -> Result<Task, OpenError> {
        let token = call.task_token.as_ref().ok_or(OpenError::NoToken)?;
        let now = self.clock.now();
        let escalation =
            |step: NewEscalation| Escalation { at: after(now, step.after_seconds), to: step.to, done: false };
        let task = Task {
            id: TaskId::from_ulid(call.derived("task")),
            tenant: call.scope.tenant(),
            task_kind: TaskKind::Approval,
            execution_id: call.execution,
            workflow: call.workflow.clone(),
            workflow_id: call.workflow_id,
            version: call.version,
            step: call.step.clone(),
            title: new.title,
            description: new.description,
            assignees: new.assignees,
            inline_groups: new.inline_groups,
            quorum: new.quorum,
            veto: new.veto,
            decisions: Vec::new(),
            delegations: Vec::new(),
            claimed_by: None,
            data: new.data,
            status: TaskStatus::Open,
            created_at: now,
            due_at: new.timeout_seconds.map(|seconds| after(now, seconds)),
            closed_at: None,
            escalations: new.escalations.into_iter().map(escalation).collect(),
            token: TaskToken::new(token.expose().clone()),
            resume: None,
            revision: 0,
        };
        let size = serde_json::to_string(&task).map_or(usize::MAX, |text| text.len());
        if size > LARGEST { Err(OpenError::TooLarge) } else { Ok(task) }
    }

    /// A later attempt of the step waits under a token of its own: the earlier one resumes nothing any more.
    async fn take_over(&self, new: Task) -> Result<Task, TaskError> {
        let scope = new.scope();
        self.change(&scope, new.id, |task, now| {
            if task.token == new.token {
                return Ok(Change::Nothing);
            }
            task.token = new.token.clone();
            match task.status {
                TaskStatus::Approved | TaskStatus::Rejected => {
                    task.resume = Some(Resume::Pending { attempts: 0, not_before: now });
                }
                // The step timed out, or its execution was stopped, and it is tried again: people get the time again.
                TaskStatus::Expired | TaskStatus::Cancelled => {
                    task.status = TaskStatus::Open;
                    (task.due_at, task.closed_at) = (new.due_at, None);
                    task.escalations.clone_from(&new.escalations);
                }
                TaskStatus::Open => {}
            }
            Ok(Change::Unrecorded)
        })
        .await
    }
}

fn can_reach(people: &People, task: &Task) -> bool {
    people.is_open() || people.len() >= usize::try_from(task.quorum).unwrap_or(usize::MAX)
}

fn created(task: &Task, call: &ActivityCall) -> Result<AuditEvent, TaskError> {
    let details = [
        ("title", json!(task.title)),
        ("execution", json!(task.execution_id)),
        ("step", json!(task.step)),
        ("assignees", json!(task.assignees)),
        ("quorum", json!(task.quorum)),
    ];
    let entry = Entry {
        action: "task.create",
        actor: Actor::platform(task.tenant, "workflows"),
        reasons: Vec::new(),
        details: details.map(|(name, value)| (name.to_owned(), value)).into(),
    };
    entry.event(task, AuditEventId::from_ulid(call.derived("task.create")), task.created_at)
}
