//! Activity tasks that wait for a worker.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;
use toss_asl::{Invocation, Payload, Stimulus, TaskId};

use crate::core::{Core, lock};

/// The queues of all activities.
#[derive(Debug, Default)]
pub(crate) struct ActivityQueues(Mutex<HashMap<Arc<str>, Arc<Queue>>>);

#[derive(Debug, Default)]
struct Queue {
    tasks: Mutex<VecDeque<Waiting>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Waiting {
    key: u64,
    task: TaskId,
    input: Payload,
    token: Arc<str>,
}

/// A task that a worker was given.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    pub(crate) token: Arc<str>,
    pub(crate) input: Payload,
}

impl ActivityQueues {
    fn queue(&self, activity: &str) -> Arc<Queue> {
        let mut queues = lock(&self.0);
        match queues.get(activity) {
            Some(queue) => Arc::clone(queue),
            None => {
                let queue = Arc::new(Queue::default());
                queues.insert(activity.into(), Arc::clone(&queue));
                queue
            }
        }
    }

    /// Offers a task to the activity's workers.
    pub(crate) fn offer(&self, key: u64, invocation: &Invocation) {
        let arn = invocation.resource.arn();
        let activity = arn.rsplit_once(':').map_or(arn, |(_, name)| name);
        let queue = self.queue(activity);
        let token = invocation.token.clone().unwrap_or_else(|| "".into());
        let input = invocation.parameters.clone();
        lock(&queue.tasks).push_back(Waiting { key, task: invocation.task, input, token });
        queue.arrived.notify_one();
    }
}

/// Hands out the oldest task of the activity, waiting up to `patience` for one.
pub(crate) async fn take(
    core: &Arc<Core>,
    activity: &str,
    worker: Option<&str>,
    patience: Duration,
) -> Option<Handed> {
    let queue = core.activities.queue(activity);
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let arrived = queue.arrived.notified();
        let next = lock(&queue.tasks).pop_front();
        let Some(waiting) = next else {
            if tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return None;
            }
            continue;
        };
        // A task that nobody waits for any more is not accepted, and the next one is tried.
        let stimulus = Stimulus::ActivityStarted { task: waiting.task, worker: worker.map(Into::into) };
        let Ok(Some(slot)) = core.open_slot(waiting.key) else { continue };
        let Ok(Some(step)) = core.stimulate(&slot, stimulus) else { continue };
        if core.durable(core.carry_on(step)).await.is_err() {
            return None;
        }
        return Some(Handed { token: waiting.token, input: waiting.input });
    }
}
