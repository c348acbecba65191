//! `AWS::SQS::Queue`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::Fields;
use crate::template::model::{Model, Queue};

/// Properties whose names CloudFormation and `CreateQueue` share, or nearly.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("ContentBasedDeduplication", "ContentBasedDeduplication"),
    ("DeduplicationScope", "DeduplicationScope"),
    ("DelaySeconds", "DelaySeconds"),
    ("FifoQueue", "FifoQueue"),
    ("FifoThroughputLimit", "FifoThroughputLimit"),
    ("MaximumMessageSize", "MaximumMessageSize"),
    ("MessageRetentionPeriod", "MessageRetentionPeriod"),
    ("ReceiveMessageWaitTimeSeconds", "ReceiveMessageWaitTimeSeconds"),
    ("VisibilityTimeout", "VisibilityTimeout"),
];

pub(super) fn add(model: &mut Model, fields: Fields<'_>) {
    let name = fields.resource.name.clone();
    let mut attributes = BTreeMap::new();
    for (property, attribute) in ATTRIBUTES {
        if let Some(value) = fields.text(property) {
            attributes.insert((*attribute).to_owned(), value);
        }
    }
    // A queue is standard unless it says that it is not: `CreateQueue` refuses a `false`.
    if attributes.get("FifoQueue").is_some_and(|fifo| fifo != "true") {
        attributes.remove("FifoQueue");
    }
    for policy in ["RedrivePolicy", "RedriveAllowPolicy"] {
        match fields.raw(policy) {
            Some(Value::String(text)) => attributes.insert(policy.into(), text.clone()),
            Some(value) => attributes.insert(policy.into(), value.to_string()),
            None => None,
        };
    }
    let arn = fields.place().arn("sqs", &name);
    let url = fields.place().queue_url(&name);
    model.queues.insert(name.clone(), Queue { name, arn, url, attributes });
}
