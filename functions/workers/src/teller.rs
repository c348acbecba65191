//! Telling those whom a task concerns: people in their inboxes, systems over webhooks, and the waiting step.
//!
//! Everything here may be done again: notices and events have ids made from the task and the occasion, and what
//! was told is written down last.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use toss_delivery::webhook::{Event, EventType, PublishError, Publisher};
use toss_kernel::{
    Clock,
    id::{EventId, NoticeId},
};
use toss_runtime::{
    ConfigurationError, Grant, Platform, derived,
    grant::{Queue, Table},
};
use toss_store::{
    Store, StoreError,
    inbox::Notice,
    tasks::{Resume, Task, TaskStatus},
};
use toss_tasks::{Desk, LONGEST_DELAY, Message, NoticeQueue, Occasion, QueueError, Resumer, TaskError};

/// What the functions that tell need.
pub(crate) const GRANTS: &[Grant] = &[
    Grant::Read(Table::Work),
    Grant::Write(Table::Work),
    Grant::Write(Table::Audit),
    Grant::Seal,
    Grant::Send(Queue::Approvals),
    Grant::Send(Queue::Webhooks),
    Grant::AnswerTasks,
];

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Tells.
pub(crate) struct Teller {
    pub(crate) desk: Desk,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Arc<dyn Clock>,
    store: Store,
    resumer: Resumer,
    queue: NoticeQueue,
}

impl Teller {
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            desk: Desk::new(platform)?,
            publisher: Publisher::new(platform)?,
            clock: Arc::clone(&platform.clock),
            store: Store::new(platform),
            resumer: Resumer::new(platform),
            queue: NoticeQueue::new(platform)?,
        })
    }

    /// People are asked.
    pub(crate) async fn created(&self, task: &Task) -> Result<(), TellError> {
        if task.status != TaskStatus::Open {
            return Ok(());
        }
        self.notify(task, "created", task.created_at, &task.assignees, "You are asked to decide").await?;
        let data = json!({ "assignees": task.assignees, "quorum": task.quorum, "due_at": task.due_at });
        self.publish(task, EventType::TaskCreated, "created", task.created_at, data).await?;
        self.come_back(task).await
    }

    /// Those to whom due escalations go are asked as well.
    pub(crate) async fn escalate(&self, task: &Task) -> Result<(), TellError> {
        if task.status != TaskStatus::Open {
            return Ok(());
        }
        let now = self.clock.now();
        for step in task.escalations.iter().filter(|step| !step.done && step.at <= now) {
            let occasion = format!("escalated at {}", step.at);
            self.notify(task, &occasion, step.at, &step.to, "Nobody has decided yet: you are asked to")
                .await?;
            self.publish(task, EventType::TaskEscalated, &occasion, step.at, json!({ "to": step.to }))
                .await?;
        }
        let task = self.desk.escalated(task).await?;
        self.come_back(&task).await
    }

    /// Sends a message for the next escalation, if the queue can hold it back until then. A later one is the
    /// timers', and so is one whose message is lost.
    async fn come_back(&self, task: &Task) -> Result<(), TellError> {
        let next = task.escalations.iter().filter(|step| !step.done).map(|step| step.at).min();
        let wait = next.map(|at| Duration::try_from(at.duration_since(self.clock.now())).unwrap_or_default());
        let Some(wait) = wait.filter(|wait| *wait < LONGEST_DELAY && task.status == TaskStatus::Open) else {
            return Ok(());
        };
        let message = Message { tenant: task.tenant, task: task.id, occasion: Occasion::EscalationDue };
        // A second more, since a message that comes early has to be sent again.
        Ok(self.queue.send(&message, wait + Duration::from_secs(1)).await?)
    }

    /// Someone is asked to decide for an assignee.
    pub(crate) async fn delegated(&self, task: &Task, to: &str) -> Result<(), TellError> {
        let Some(delegation) = task.delegations.iter().find(|delegation| delegation.to == to) else {
            return Ok(());
        };
        let (occasion, at) = (format!("delegated to {to} by {}", delegation.from), delegation.delegated_at);
        let subject = format!("You are asked to decide for {}", delegation.from);
        self.notify(task, &occasion, at, std::slice::from_ref(&delegation.to), &subject).await?;
        let data = json!({ "from": delegation.from, "to": to });
        self.publish(task, EventType::TaskDelegated, &occasion, at, data).await
    }

    /// Systems hear of a decision; and the step, when whoever recorded the decision could not tell it.
    pub(crate) async fn decided(&self, task: &Task) -> Result<(), TellError> {
        let Some(at) = task.closed_at.filter(|_| is_decided(task)) else { return Ok(()) };
        let decisions: Vec<Value> = task
            .decisions
            .iter()
            .map(|decision| json!({ "principal": decision.principal, "decision": decision.decision, "on_behalf_of": decision.on_behalf_of }))
            .collect();
        self.publish(task, EventType::TaskDecided, "decided", at, json!({ "decisions": decisions })).await?;
        match task.resume {
            Some(Resume::Pending { not_before, .. }) if not_before <= self.clock.now() => {
                self.resume(task).await
            }
            _ => Ok(()),
        }
    }

    async fn resume(&self, task: &Task) -> Result<(), TellError> {
        match self.resumer.tell(task).await {
            Ok(told) => {
                self.desk.told(task, told, false).await?;
                Ok(())
            }
            Err(error) => {
                self.desk.not_told(task).await?;
                Err(error.into())
            }
        }
    }

    /// A task's time has passed.
    pub(crate) async fn expire(&self, task: &Task) -> Result<(), TellError> {
        let task = self.desk.expire(task).await?;
        self.expired(&task).await
    }

    /// Systems hear that a task's time has passed.
    pub(crate) async fn expired(&self, task: &Task) -> Result<(), TellError> {
        let Some(at) = task.closed_at.filter(|_| task.status == TaskStatus::Expired) else { return Ok(()) };
        self.publish(task, EventType::TaskExpired, &format!("expired at {at}"), at, json!({})).await
    }

    async fn notify(
        &self,
        task: &Task,
        occasion: &str,
        at: Timestamp,
        recipients: &[String],
        subject: &str,
    ) -> Result<(), StoreError> {
        for recipient in recipients {
            let notice = Notice {
                id: NoticeId::from_ulid(derived::ulid(at, &[&task.id.to_string(), occasion, recipient])),
                tenant: task.tenant,
                recipient: recipient.clone(),
                subject: Some(subject.to_owned()),
                text: task.title.clone(),
                about: Some(task.id.to_string()),
                created_at: self.clock.now(),
            };
            match self.store.create(&notice).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn publish(
        &self,
        task: &Task,
        kind: EventType,
        occasion: &str,
        at: Timestamp,
        more: Value,
    ) -> Result<(), TellError> {
        let mut data = json!({
            "id": task.id,
            "execution_id": task.execution_id,
            "workflow": task.workflow,
            "step": task.step,
            "kind": task.task_kind,
            "title": task.title,
            "status": task.status,
        });
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        let id = EventId::from_ulid(derived::ulid(at, &[&task.id.to_string(), occasion]));
        let event = Event { id, kind, timestamp: at, data };
        self.publisher.publish(&task.scope(), &event).await?;
        Ok(())
    }

    /// Whether the task has work that is due, and what is left of it for the timers.
    pub(crate) async fn catch_up(&self, task: &Task) -> Result<(), TellError> {
        let now = self.clock.now();
        if matches!(task.resume, Some(Resume::Pending { not_before, .. }) if not_before <= now) {
            return self.decided(task).await;
        }
        if task.status == TaskStatus::Open && task.due_at.is_some_and(|due| due <= now) {
            return self.expire(task).await;
        }
        self.escalate(task).await
    }
}

fn is_decided(task: &Task) -> bool {
    matches!(task.status, TaskStatus::Approved | TaskStatus::Rejected)
}

/// How far a deadline must be for another piece of work to be begun.
pub(crate) const LAST_START: SignedDuration = SignedDuration::from_secs(10);
