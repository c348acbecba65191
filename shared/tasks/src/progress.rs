//! What becomes of a task without anybody asking: steps are told, time passes, executions end.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use toss_kernel::{TenantScope, id::ExecutionId};
use toss_store::tasks::{Resume, Task, TaskOfExecution, TaskStatus};

use crate::{
    Desk, TaskError, Told,
    desk::{Change, Entry},
};

/// The longest pause, in seconds, between attempts to tell a step.
const LONGEST_PAUSE: i64 = 3600;

impl Desk {
    /// Notes that the step has been told, or that it no longer waited. `first` says that nobody can have told
    /// it before: then a step that is gone means that the decision came too late.
    ///
    /// # Errors
    /// When the task cannot be written.
    pub async fn told(&self, task: &Task, told: Told, first: bool) -> Result<Task, TaskError> {
        self.change(&task.scope(), task.id, |current, now| {
            if current.token != task.token || !matches!(current.resume, Some(Resume::Pending { .. })) {
                return Ok(Change::Nothing);
            }
            current.resume = Some(Resume::Done);
            if told == Told::Taken || !first {
                return Ok(Change::Unrecorded);
            }
            current.status = TaskStatus::Expired;
            current.closed_at = Some(now);
            Ok(Change::Recorded(Box::new(Entry::by_platform(current, "tasks", "task.expire"))))
        })
        .await
    }

    /// Notes that telling the step failed; it is told again after a pause that grows.
    ///
    /// # Errors
    /// When the task cannot be written.
    pub async fn not_told(&self, task: &Task) -> Result<Task, TaskError> {
        self.change(&task.scope(), task.id, |current, now| {
            let Some(Resume::Pending { attempts, .. }) = current.resume else { return Ok(Change::Nothing) };
            let pause = SignedDuration::from_secs((30_i64 << attempts.min(7)).min(LONGEST_PAUSE));
            let not_before = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
            current.resume = Some(Resume::Pending { attempts: attempts.saturating_add(1), not_before });
            Ok(Change::Unrecorded)
        })
        .await
    }

    /// Notes that those to whom due escalations go have been asked.
    ///
    /// # Errors
    /// When the task cannot be written.
    pub async fn escalated(&self, task: &Task) -> Result<Task, TaskError> {
        let due = |current: &Task, now| {
            let steps = current.escalations.iter().filter(move |step| !step.done && step.at <= now);
            steps.flat_map(|step| step.to.clone()).collect::<Vec<_>>()
        };
        self.change(&task.scope(), task.id, |current, now| {
            let to = due(current, now);
            if current.status != TaskStatus::Open || to.is_empty() {
                return Ok(Change::Nothing);
            }
            for step in current.escalations.iter_mut().filter(|step| step.at <= now) {
                step.done = true;
            }
            Ok(Change::Recorded(Box::new(
                Entry::by_platform(current, "timers", "task.escalate").with("to", json!(to)),
            )))
        })
        .await
    }

    /// Closes a task whose time has passed.
    ///
    /// # Errors
    /// When the task cannot be written.
    pub async fn expire(&self, task: &Task) -> Result<Task, TaskError> {
        self.change(&task.scope(), task.id, |current, now| {
            let due = current.due_at.is_some_and(|due| due <= now);
            if current.status != TaskStatus::Open || !due {
                return Ok(Change::Nothing);
            }
            (current.status, current.closed_at) = (TaskStatus::Expired, Some(now));
            Ok(Change::Recorded(Box::new(Entry::by_platform(current, "timers", "task.expire"))))
        })
        .await
    }

    /// Closes the open tasks of an execution that has ended.
    ///
    /// # Errors
    /// When one of them cannot be written; the others may be closed already, and doing it again closes the rest.
    pub async fn cancel_all(&self, scope: &TenantScope, execution: ExecutionId) -> Result<(), TaskError> {
        let mut after = None;
        loop {
            let page = self
                .store
                .list::<TaskOfExecution>(TaskOfExecution::of(scope, execution).after(after))
                .await?;
            for found in page.items {
                let closed = self.change(scope, found.task_id, |current, now| {
                    if current.status != TaskStatus::Open {
                        return Ok(Change::Nothing);
                    }
                    // The step's own timeout often ends the execution before a timer looks at the task.
                    let due = current.due_at.is_some_and(|due| due <= now);
                    let (status, action) = if due {
                        (TaskStatus::Expired, "task.expire")
                    } else {
                        (TaskStatus::Cancelled, "task.cancel")
                    };
                    (current.status, current.closed_at) = (status, Some(now));
                    Ok(Change::Recorded(Box::new(Entry::by_platform(current, "workflows", action))))
                });
                match closed.await {
                    Ok(_) | Err(TaskError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
