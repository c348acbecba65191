//! The events of AWS services that functions receive, as far as functions read them.

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::FunctionError;

/// A batch from an SQS event source.
#[derive(Debug, Clone, Deserialize)]
pub struct SqsEvent {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<SqsRecord>,
}

/// One SQS message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// The message's id; a failure is reported under it.
    pub message_id: String,
    /// The message.
    pub body: String,
    /// System attributes, such as `ApproximateReceiveCount`.
    #[serde(default)]
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// Works off a batch from an SQS event source, `at_once` messages at a time, and answers which of them are to be
/// delivered again: those for which `work` says that it is not done. `name` is the worker's, for its errors.
///
/// # Errors
/// When the event is not a batch of a queue.
pub async fn work_off<W: Future<Output = bool>>(
    name: &str,
    event: Value,
    at_once: usize,
    work: impl Fn(SqsRecord) -> W,
) -> Result<Value, FunctionError> {
    let batch: SqsEvent = serde_json::from_value(event).map_err(|error| {
        FunctionError::new(format!("{name}.BadEvent"), format!("Not a batch of a queue: {error}"))
    })?;
    let mut response = BatchResponse::default();
    let mut working = stream::iter(batch.records)
        .map(|record| {
            let message_id = record.message_id.clone();
            let done = work(record);
            async move { (done.await, message_id) }
        })
        .buffer_unordered(at_once);
    while let Some((done, message_id)) = working.next().await {
        if !done {
            response.fail(message_id);
        }
    }
    serde_json::to_value(response)
        .map_err(|error| FunctionError::new(format!("{name}.BadResponse"), error.to_string()))
}

/// The answer to a batch: which of its records are to be delivered again.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The failed ones; all others are done.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A record that failed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The message id (SQS) or sequence number (streams).
    pub item_identifier: String,
}

impl BatchResponse {
    /// Adds a failed record.
    pub fn fail(&mut self, item_identifier: impl Into<String>) {
        self.batch_item_failures.push(BatchItemFailure { item_identifier: item_identifier.into() });
    }
}

/// A batch from a DynamoDB stream.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamEvent {
    /// The records, in order of their partition.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// One change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    /// `INSERT`, `MODIFY` or `REMOVE`.
    #[serde(rename = "eventName")]
    pub event_name: String,
    /// The change.
    pub dynamodb: StreamChange,
}

/// What changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamChange {
    /// The item's key, in DynamoDB's JSON.
    pub keys: Value,
    /// The item as it is now, in DynamoDB's JSON.
    #[serde(default)]
    pub new_image: Option<Value>,
    /// Where the record stands in its shard; a failure is reported under it.
    pub sequence_number: String,
}

/// An event of EventBridge.
#[derive(Debug, Clone, Deserialize)]
pub struct BridgeEvent {
    /// The event's id; the same when it is delivered again.
    pub id: String,
    /// Who tells it, such as `aws.states`.
    pub source: String,
    /// Its kind.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// When it happened, RFC 3339.
    pub time: String,
    /// The event itself.
    pub detail: Value,
}
