//! Which permissions a call needs, for a home that checks them.

use serde_json::Value;

use crate::name::Address;

/// An action on a resource, as an IAM statement names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The action, such as `sqs:SendMessage`.
    pub action: String,
    /// The ARN of the queue, or `*` where the action concerns no queue.
    pub resource: String,
}

/// The permissions that a call needs.
pub(crate) fn needed(address: &Address, operation: &str, body: &[u8]) -> Vec<Permission> {
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    // Batches need the permission of the single call.
    let action = format!("sqs:{}", operation.strip_suffix("Batch").unwrap_or(operation));
    let resource = match operation {
        "ListQueues" => "*".to_owned(),
        "CreateQueue" | "GetQueueUrl" => address.arn(member("QueueName")),
        "StartMessageMoveTask" | "ListMessageMoveTasks" => member("SourceArn").to_owned(),
        "CancelMessageMoveTask" => crate::move_task::source_of(member("TaskHandle")).unwrap_or_default(),
        _ => address.arn(address.name_in_url(member("QueueUrl")).unwrap_or_default()),
    };
    vec![Permission { action, resource }]
}
