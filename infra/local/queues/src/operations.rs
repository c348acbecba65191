//! SQS's operations, one module per subject.

mod attributes;
mod batch;
mod moving;
mod queues;
mod receiving;
mod sending;
mod settling;
mod tags;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use toss_local_protocol::{Caller, ServiceError};

use crate::{inner::Inner, refusal::required};

pub(crate) use self::receiving::{message_attributes, system_attributes};

impl Inner {
    /// Carries out the operation of this name.
    pub(crate) async fn carry_out(
        self: &Arc<Self>,
        caller: &Caller,
        operation: &str,
        body: &[u8],
    ) -> Result<Value, ServiceError> {
        match operation {
            "CreateQueue" => self.create_queue(body).await,
            "GetQueueUrl" => self.get_queue_url(body),
            "ListQueues" => self.list_queues(body),
            "DeleteQueue" => self.delete_queue(body).await,
            "PurgeQueue" => self.purge_queue(body).await,
            "ListDeadLetterSourceQueues" => self.list_dead_letter_source_queues(body),
            "GetQueueAttributes" => self.get_queue_attributes(body),
            "SetQueueAttributes" => self.set_queue_attributes(body).await,
            "TagQueue" => self.tag_queue(body).await,
            "UntagQueue" => self.untag_queue(body).await,
            "ListQueueTags" => self.list_queue_tags(body),
            "SendMessage" => self.send_message(caller, body).await,
            "SendMessageBatch" => self.send_message_batch(caller, body).await,
            "ReceiveMessage" => self.receive_message(body).await,
            "DeleteMessage" => self.delete_message(body).await,
            "DeleteMessageBatch" => self.delete_message_batch(body).await,
            "ChangeMessageVisibility" => self.change_message_visibility(body),
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(body),
            "StartMessageMoveTask" => self.start_message_move_task(body),
            "CancelMessageMoveTask" => self.cancel_message_move_task(body),
            "ListMessageMoveTasks" => self.list_message_move_tasks(body),
            _ => Err(ServiceError::unknown_operation(operation)),
        }
    }

    /// The name of the queue that a request's URL names.
    fn queue_name(&self, url: Option<&str>) -> Result<String, ServiceError> {
        self.address.name_in_url(required(url, "QueueUrl")?).map(str::to_owned)
    }
}

/// Reads an operation's input; a call without a body is one without members.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    let body = if body.is_empty() { b"{}" } else { body };
    // The parser's message can quote the body, and a body can be a secret: say only where it went wrong.
    serde_json::from_slice(body).map_err(|cause| {
        ServiceError::serialization(format!(
            "The body is not this operation's input (line {}, column {}).",
            cause.line(),
            cause.column()
        ))
    })
}
