//! The approvals queue: what happened to tasks is told to those whom it concerns.
//!
//! A message names a task and an occasion; what there is to tell is read from the task as it is now. A message
//! that could not be worked on stays in the queue, alone of its batch; one that no version can read ends in the
//! dead-letter queue.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;
use toss_runtime::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, InvocationContext, Platform, Sizing,
    Trigger,
    events::{SqsRecord, work_off},
    grant::Queue,
    scope::of_platform_record,
};
use toss_tasks::{Message, Occasion, TaskError};

use crate::teller::{GRANTS, TellError, Teller};

/// Messages that are worked on at a time.
const AT_ONCE: usize = 10;

/// Its registry line.
pub(crate) const DEFINITION: FunctionDefinition = FunctionDefinition::new("approvals", build)
    .grants(GRANTS)
    .triggers(&[Trigger::Messages(Queue::Approvals)])
    .sizing(Sizing::PATIENT);

struct Approvals {
    teller: Teller,
}

fn build(platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
    Ok(Arc::new(Approvals { teller: Teller::new(platform)? }))
}

impl Function for Approvals {
    fn invoke<'a>(
        &'a self,
        event: Value,
        _: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(work_off("Approvals", event, AT_ONCE, move |record| async move { self.work(&record).await }))
    }
}

impl Approvals {
    /// Works on one message; answers whether it is done with.
    async fn work(&self, record: &SqsRecord) -> bool {
        let message: Message = match serde_json::from_str(&record.body) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(message_id = record.message_id, %error, "not a message about a task");
                return false;
            }
        };
        match self.tell(&message).await {
            // A task that is gone concerns nobody.
            Ok(()) | Err(TellError::Task(TaskError::NotFound)) => true,
            Err(error) => {
                tracing::warn!(task = %message.task, %error, "will be told again");
                false
            }
        }
    }

    async fn tell(&self, message: &Message) -> Result<(), TellError> {
        let scope = of_platform_record(message.tenant);
        let task = self.teller.desk.task(&scope, message.task).await?;
        match &message.occasion {
            Occasion::Created => self.teller.created(&task).await,
            Occasion::EscalationDue => self.teller.escalate(&task).await,
            Occasion::Decided => self.teller.decided(&task).await,
            Occasion::Delegated { to } => self.teller.delegated(&task, to).await,
            Occasion::Expired => self.teller.expired(&task).await,
        }
    }
}

#[cfg(test)]
mod tests;
