//! The typed way to consume a queue, for a home that feeds functions from it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use toss_local_protocol::ServiceError;

use crate::{
    Queues, digest,
    operations::{message_attributes, system_attributes},
    state::{Reception, Taken},
};

/// A message in the hands of a consumer. It comes back unless it is deleted in time.
#[derive(Clone)]
pub struct Delivery {
    taken: Taken,
}

impl Delivery {
    /// The message's id; partial batch failures name messages by it.
    pub fn message_id(&self) -> &str {
        &self.taken.stored.id
    }

    /// What deletes the message, or changes its visibility.
    pub fn receipt_handle(&self) -> &str {
        &self.taken.handle
    }

    /// The message's body.
    pub fn body(&self) -> &str {
        &self.taken.stored.body
    }

    /// How often the message has been received, this time included.
    pub fn receive_count(&self) -> u32 {
        self.taken.count
    }

    /// The message's group, where it has one.
    pub fn group(&self) -> Option<&str> {
        self.taken.stored.group.as_deref()
    }

    /// The message's system attributes, such as `SentTimestamp`.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        system_attributes(&self.taken)
    }

    /// The message as a record of the event that Lambda hands to a function.
    pub fn event_record(&self, queue_arn: &str, region: &str) -> Value {
        let attributes = message_attributes(&self.taken, &["All".to_owned()]);
        let mut record = json!({
            "messageId": self.taken.stored.id,
            "receiptHandle": self.taken.handle,
            "body": self.taken.stored.body,
            "attributes": self.attributes(),
            "messageAttributes": {},
            "md5OfBody": self.taken.stored.body_digest,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        });
        let own = attributes.iter().map(|(name, attribute)| (*name, *attribute));
        if let Some(digest) = digest::of_attributes(own) {
            record["md5OfMessageAttributes"] = json!(digest);
        }
        record["messageAttributes"] =
            attributes.into_iter().map(|(name, own)| (name.clone(), in_event(&own.to_json()))).collect();
        record
    }
}

impl Queues {
    /// Receives up to `most` messages, waiting up to `wait` for the first of them. The messages stay hidden for
    /// `visibility`, or as long as the queue says. Dropping the future receives nothing.
    pub async fn receive(
        &self,
        queue: &str,
        most: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ServiceError> {
        let visibility = visibility.map(|visibility| i64::try_from(visibility.as_secs()).unwrap_or(i64::MAX));
        let reception =
            Reception { most, visibility: visibility.map(|seconds| seconds.min(43_200)), attempt_id: None };
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        let taken = self.inner.receive(queue, &reception, Some(wait)).await?;
        Ok(taken.into_iter().map(|taken| Delivery { taken }).collect())
    }

    /// Deletes a message that was received; answers when it is gone for good.
    pub async fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), ServiceError> {
        self.inner.delete(queue, receipt_handle).await?;
        self.inner.compact_if_due();
        Ok(())
    }

    /// Hides a message that was received for so long from now; zero gives it back at once.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        visibility: Duration,
    ) -> Result<(), ServiceError> {
        let seconds = i64::try_from(visibility.as_secs()).unwrap_or(i64::MAX);
        self.inner.change_visibility(queue, receipt_handle, seconds)
    }

    /// Gives back all that was in flight: for a home whose consumers died with the process before this one, so
    /// that what they held need not wait for its visibility timeout.
    pub fn release_in_flight(&self, queue: &str) -> Result<(), ServiceError> {
        self.inner.release_in_flight(queue)
    }
}

// Lambda writes the members of a message attribute in another case, and the lists that are always empty.
fn in_event(attribute: &Value) -> Value {
    let mut members = Map::new();
    for (name, value) in attribute.as_object().into_iter().flatten() {
        let name = match name.as_str() {
            "DataType" => "dataType",
            "StringValue" => "stringValue",
            _ => "binaryValue",
        };
        members.insert(name.into(), value.clone());
    }
    members.insert("stringListValues".into(), json!([]));
    members.insert("binaryListValues".into(), json!([]));
    members.into()
}
