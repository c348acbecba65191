//! Queues that feed functions, as Lambda's SQS event sources do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use toss_local_queues::{Delivery, Queues};

use super::pattern::fits;
use crate::functions::Functions;
use crate::listen::Closing;
use crate::template::model::{Queue, QueueSource};

/// Batches of one source in work at once, where the template does not say.
const AT_ONCE: usize = 5;
/// What a message stays hidden beyond its function's time, for the way there and back.
const MARGIN: Duration = Duration::from_secs(5);
const LONG_POLL: Duration = Duration::from_secs(20);

/// Feeds a function from a queue.
#[derive(Clone)]
pub(crate) struct QueuePoller {
    source: Arc<QueueSource>,
    queue: Arc<str>,
    /// How long messages stay hidden while the function has them.
    visibility: Duration,
    /// The longest a failed batch waits.
    longest_wait: Duration,
    queues: Queues,
    functions: Arc<Functions>,
    region: Arc<str>,
}

impl QueuePoller {
    /// A poller of a queue of the template.
    pub(crate) fn new(
        source: QueueSource,
        queue: &Queue,
        queues: Queues,
        functions: Arc<Functions>,
        region: &str,
    ) -> Self {
        let own =
            queue.attributes.get("VisibilityTimeout").and_then(|seconds| seconds.parse().ok()).unwrap_or(30);
        let own = Duration::from_secs(own);
        let function = functions.find(&source.function).map_or(own, |function| function.timeout + MARGIN);
        Self {
            source: Arc::new(source),
            queue: queue.name.as_str().into(),
            // A process that was killed comes back to its messages as soon as nobody can be at work on them.
            visibility: own.min(function),
            longest_wait: own,
            queues,
            functions,
            region: region.into(),
        }
    }

    /// Feeds the function until the home closes, and lets running batches finish.
    pub(crate) async fn run(self, mut closing: Closing) {
        if let Err(error) = self.queues.release_in_flight(&self.queue) {
            tracing::warn!(queue = %self.queue, %error, "what was in flight before waits for its visibility timeout");
        }
        let most = u32::try_from(self.source.maximum_concurrency.unwrap_or(AT_ONCE)).unwrap_or(u32::MAX);
        let slots = Arc::new(Semaphore::new(most as usize));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let batch = tokio::select! {
                batch = self.batch() => batch,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            if !batch.is_empty() {
                let poller = self.clone();
                tokio::spawn(async move {
                    let _slot = slot;
                    poller.feed(batch).await;
                });
            }
        }
        let _ = slots.acquire_many(most).await;
    }

    /// Waits for messages, and for a batch to fill as long as the template says.
    async fn batch(&self) -> Vec<Delivery> {
        let mut batch = self.receive(LONG_POLL).await;
        if batch.is_empty() || self.source.batching_window.is_zero() {
            return batch;
        }
        let until = Instant::now() + self.source.batching_window;
        while batch.len() < self.source.batch_size && Instant::now() < until {
            let more = self.receive(until.saturating_duration_since(Instant::now())).await;
            batch.extend(more);
        }
        batch
    }

    async fn receive(&self, wait: Duration) -> Vec<Delivery> {
        let most = self.source.batch_size.min(10);
        match self.queues.receive(&self.queue, most, Some(self.visibility), wait).await {
            Ok(deliveries) => deliveries,
            Err(error) => {
                tracing::error!(queue = %self.queue, %error, "a queue cannot be read");
                tokio::time::sleep(Duration::from_secs(1)).await;
                Vec::new()
            }
        }
    }

    async fn feed(&self, batch: Vec<Delivery>) {
        let mut wanted = Vec::new();
        let mut records = Vec::new();
        for delivery in batch {
            let record = delivery.event_record(&self.source.queue_arn, &self.region);
            if self.wants(&record) {
                records.push(record);
                wanted.push(delivery);
            } else {
                // A message that no filter wants is gone, as on AWS.
                self.delete(&delivery).await;
            }
        }
        if records.is_empty() {
            return;
        }
        let payload = Bytes::from(json!({ "Records": records }).to_string());
        match self.functions.invoke(&self.source.function, payload).await {
            Ok(Ok(answer)) => match failures(&self.source, &answer, &wanted) {
                Some(failed) => {
                    for delivery in wanted.iter().filter(|delivery| !failed.contains(delivery.message_id())) {
                        self.delete(delivery).await;
                    }
                }
                None => self.put_off(&wanted),
            },
            Ok(Err(_)) | Err(_) => self.put_off(&wanted),
        }
    }

    fn wants(&self, record: &Value) -> bool {
        if self.source.filters.is_empty() {
            return true;
        }
        // Filters see a body that is JSON as what it says.
        let mut seen = record.clone();
        if let Some(body) = record["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok())
        {
            seen["body"] = body;
        }
        self.source.filters.iter().any(|filter| fits(filter, &seen))
    }

    async fn delete(&self, delivery: &Delivery) {
        if let Err(error) = self.queues.delete(&self.queue, delivery.receipt_handle()).await {
            tracing::warn!(queue = %self.queue, %error, "a message that is done could not be deleted");
        }
    }

    /// Has a failed batch come back later, and later with each failure.
    fn put_off(&self, batch: &[Delivery]) {
        for delivery in batch {
            let pause = 1_u64 << delivery.receive_count().saturating_sub(1).min(16);
            let pause = Duration::from_secs(pause).min(self.longest_wait);
            if let Err(error) = self.queues.change_visibility(&self.queue, delivery.receipt_handle(), pause) {
                tracing::debug!(queue = %self.queue, %error, "a failed message keeps its time");
            }
        }
    }
}

/// The ids of the messages that failed by the function's own account; `None` when all did, which is also what
/// an account that cannot be read means.
fn failures(source: &QueueSource, answer: &[u8], batch: &[Delivery]) -> Option<BTreeSet<String>> {
    if !source.partial_failures {
        return Some(BTreeSet::new());
    }
    let ids: Vec<&str> = batch.iter().map(Delivery::message_id).collect();
    reported(answer, &ids)
}

fn reported(answer: &[u8], ids: &[&str]) -> Option<BTreeSet<String>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    match answer.get("batchItemFailures") {
        None | Some(Value::Null) => Some(BTreeSet::new()),
        Some(Value::Array(failures)) => failures
            .iter()
            .map(|failure| {
                let id = failure.get("itemIdentifier")?.as_str()?;
                ids.contains(&id).then(|| id.to_owned())
            })
            .collect(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_be_read_fails_the_whole_batch() {
        let ids = ["a", "b"];
        let some = reported(br#"{ "batchItemFailures": [{ "itemIdentifier": "b" }] }"#, &ids);
        assert_eq!(some, Some(BTreeSet::from(["b".to_owned()])));
        for none in [&b"null"[..], b"{}", br#"{ "batchItemFailures": [] }"#] {
            assert_eq!(reported(none, &ids), Some(BTreeSet::new()));
        }
        for all in [
            &br#"{ "batchItemFailures": [{ "itemIdentifier": "" }] }"#[..],
            br#"{ "batchItemFailures": [{ "itemIdentifier": "unknown" }] }"#,
            br#"{ "batchItemFailures": [{}] }"#,
            br#"{ "batchItemFailures": "b" }"#,
        ] {
            assert_eq!(reported(all, &ids), None);
        }
    }
}
