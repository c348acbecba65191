//! Moving a dead-letter queue's messages back to where they came from, or elsewhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{parse, sending::new_id};
use crate::{
    inner::Inner,
    message::StoredMessage,
    move_task::{self, MoveTask, Status},
    record::Record,
    refusal::{self, required},
};

const MOST_PER_SECOND: i64 = 500;
/// Bounds the size of a journal record: messages have up to 1 MiB.
const MOST_AT_ONCE: usize = 50;
const MOST_LISTED: i64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartMessageMoveTask {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelMessageMoveTask {
    task_handle: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMessageMoveTasks {
    source_arn: Option<String>,
    max_results: Option<i64>,
}

impl Inner {
    pub(super) fn start_message_move_task(self: &Arc<Self>, body: &[u8]) -> Result<Value, ServiceError> {
        let input: StartMessageMoveTask = parse(body)?;
        let source_arn = required(input.source_arn, "SourceArn")?;
        let per_second = input.max_number_of_messages_per_second;
        if let Some(value) = per_second.filter(|value| !(1..=MOST_PER_SECOND).contains(value)) {
            let reason = "Must be between 1 and 500, if provided.";
            return Err(refusal::invalid_value(value, "MaxNumberOfMessagesPerSecond", reason));
        }
        let source = self.existing(&source_arn)?;
        if let Some(destination) = &input.destination_arn {
            self.existing(destination)?;
        }
        let to_move = {
            let state = self.lock_at(&source, self.now());
            let is_dead_letter_queue = state.queues().any(|(_, queue)| {
                queue.settings.redrive.as_ref().is_some_and(|redrive| redrive.target_arn == source_arn)
            });
            if !is_dead_letter_queue {
                return Err(refusal::invalid_parameter(
                    "Source queue must be configured as a Dead Letter Queue.",
                ));
            }
            state.queue(&source)?.ready_count()
        };
        let mut tasks = self.tasks();
        if tasks.values().any(|task| task.source_arn == source_arn && task.is_running()) {
            return Err(refusal::modelled(
                "UnsupportedOperation",
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        let handle = move_task::handle(&new_id()?, &source_arn);
        let task = Arc::new(MoveTask {
            handle: handle.clone(),
            source_arn,
            destination_arn: input.destination_arn,
            per_second: per_second.and_then(|value| usize::try_from(value).ok()),
            to_move,
            started: self.now(),
            moved: AtomicU64::new(0),
            status: Mutex::new(Status::Running),
        });
        tasks.insert(handle.clone(), task.clone());
        tokio::spawn(self.clone().run_move(task, source));
        Ok(json!({ "TaskHandle": handle }))
    }

    pub(super) fn cancel_message_move_task(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: CancelMessageMoveTask = parse(body)?;
        let handle = required(input.task_handle, "TaskHandle")?;
        let tasks = self.tasks();
        let task = tasks.get(&handle).ok_or_else(no_such_task)?;
        if task.status() != Status::Running {
            return Err(refusal::modelled("UnsupportedOperation", "Only active tasks can be cancelled."));
        }
        task.set_status(Status::Cancelling);
        Ok(json!({ "ApproximateNumberOfMessagesMoved": task.moved() }))
    }

    pub(super) fn list_message_move_tasks(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListMessageMoveTasks = parse(body)?;
        let source_arn = required(input.source_arn, "SourceArn")?;
        self.existing(&source_arn)?;
        let most = input.max_results.unwrap_or(1);
        if !(1..=MOST_LISTED).contains(&most) {
            return Err(refusal::invalid_value(most, "MaxResults", "Must be between 1 and 10, if provided."));
        }
        let mut tasks: Vec<_> =
            self.tasks().values().filter(|task| task.source_arn == source_arn).cloned().collect();
        tasks.sort_by_key(|task| std::cmp::Reverse(task.started));
        tasks.truncate(usize::try_from(most).unwrap_or(1));
        Ok(json!({ "Results": tasks.iter().map(|task| task.shown()).collect::<Vec<_>>() }))
    }

    async fn run_move(self: Arc<Self>, task: Arc<MoveTask>, source: String) {
        loop {
            if task.status() == Status::Cancelling {
                return task.set_status(Status::Cancelled);
            }
            let step = match self.move_some(&task, &source) {
                Ok(Some((moved, position))) => self.written(position).await.map(|()| moved),
                Ok(None) => return task.set_status(Status::Completed),
                Err(error) => Err(error),
            };
            let moved = match step {
                Ok(moved) => moved,
                Err(error) => return task.set_status(Status::Failed(error.message)),
            };
            task.moved.fetch_add(moved, Ordering::Relaxed);
            if let Some(per_second) = task.per_second {
                tokio::time::sleep(Duration::from_secs_f64(moved as f64 / per_second as f64)).await;
            }
        }
    }

    /// Moves the next messages; none if there are no more. Answers how many, and the position to wait for.
    fn move_some(&self, task: &MoveTask, source: &str) -> Result<Option<(u64, Option<u64>)>, ServiceError> {
        let now = self.now();
        let mut change = self.change_of(self.lock_at(source, now));
        let most = task.per_second.map_or(MOST_AT_ONCE, |most| most.min(MOST_AT_ONCE));
        let queue = change.state.queue(source)?;
        let messages = queue.available().take(most).filter_map(|sequence| queue.message(sequence));
        let messages: Vec<_> = messages.map(|message| message.stored.clone()).collect();
        if messages.is_empty() {
            return Ok(None);
        }
        for stored in &messages {
            let destination = task.destination_arn.as_ref().or(stored.dead_letter_source.as_ref());
            let destination = destination.ok_or_else(|| {
                refusal::invalid_parameter(
                    "A message did not come from another queue; name a DestinationArn.",
                )
            })?;
            let to = self.address.name_in_arn(destination).unwrap_or_default().to_owned();
            if change.state.queue(&to)?.settings.fifo != change.state.queue(source)?.settings.fifo {
                return Err(refusal::invalid_parameter(
                    "Source and destination must be queues of the same type.",
                ));
            }
            let message = Arc::new(StoredMessage {
                sequence: change.state.next_sequence(),
                id: new_id()?,
                sent: now,
                delayed_until: 0,
                dead_letter_source: None,
                ..(**stored).clone()
            });
            change.record(Record::Sent { queue: to, message, moved: true });
            change.record(Record::Deleted { queue: source.to_owned(), sequence: stored.sequence });
        }
        Ok(Some((messages.len() as u64, change.finish()?)))
    }

    fn existing(&self, arn: &str) -> Result<String, ServiceError> {
        let name = self.address.name_in_arn(arn).filter(|name| self.lock().queue(name).is_ok());
        name.map(str::to_owned).ok_or_else(|| {
            refusal::modelled("ResourceNotFoundException", "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.")
        })
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MoveTask>>> {
        self.move_tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_task() -> ServiceError {
    refusal::modelled("ResourceNotFoundException", "Task does not exist.")
}
