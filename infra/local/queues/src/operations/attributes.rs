//! Reading and setting a queue's attributes.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toss_local_protocol::ServiceError;

use super::parse;
use crate::{
    inner::Inner,
    record::Record,
    refusal::{self, required},
    settings::Attributes,
    state::Queue,
};

/// All that can be asked for; those that a queue does not have are left out of the answer.
const NAMES: [&str; 22] = [
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetQueueAttributes {
    queue_url: Option<String>,
    attributes: Option<Attributes>,
}

impl Inner {
    pub(super) fn get_queue_attributes(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: GetQueueAttributes = parse(body)?;
        let name = self.queue_name(input.queue_url.as_deref())?;
        let wanted = input.attribute_names.unwrap_or_default();
        if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(refusal::unknown_attribute(unknown));
        }
        let state = self.lock_at(&name, self.now());
        let mut attributes = self.all_attributes(state.queue(&name)?);
        if !wanted.iter().any(|name| name == "All") {
            attributes.retain(|name, _| wanted.contains(name));
        }
        Ok(if attributes.is_empty() { Map::new().into() } else { json!({ "Attributes": attributes }) })
    }

    pub(super) async fn set_queue_attributes(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: SetQueueAttributes = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let changes = required(input.attributes, "Attribute.Name")?;
        let position = {
            let mut change = self.change();
            let settings = change.state.queue(&queue)?.settings.changed(&queue, changes)?;
            self.check_redrive(&change.state, &queue, &settings)?;
            change.record(Record::QueueChanged {
                queue,
                attributes: settings.given().clone(),
                at: self.now(),
            });
            change.finish()?
        };
        self.written(position).await?;
        Ok(Value::Null)
    }

    fn all_attributes(&self, queue: &Queue) -> Attributes {
        let mut attributes = queue.settings.shown();
        let more = [
            ("QueueArn", self.address.arn(&queue.name)),
            ("CreatedTimestamp", (queue.created / 1000).to_string()),
            ("LastModifiedTimestamp", (queue.modified / 1000).to_string()),
            ("ApproximateNumberOfMessages", queue.ready_count().to_string()),
            ("ApproximateNumberOfMessagesDelayed", queue.delayed_count().to_string()),
            ("ApproximateNumberOfMessagesNotVisible", queue.in_flight_count().to_string()),
        ];
        attributes.extend(more.map(|(name, value)| (name.to_owned(), value)));
        attributes
    }
}
