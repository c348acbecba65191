//! Delivers webhooks: each message of the queue is one attempt of one delivery.
//!
//! What an attempt is, when the next one is due and when an endpoint is disabled, is `toss-delivery`'s. Attempts
//! that are due in more than a quarter of an hour come back from the timer. A message that could not be worked
//! on stays in the queue; one that no version can read ends in its dead-letter queue.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_audit::{Actor, AuditEvent, Outcome, Target, Trail, kms::KmsDataKeys};
use toss_delivery::webhook::{Delivered, Deliverer, Event, EventType, Publisher, WebhookMessage};
use toss_kernel::{
    Clock, TenantScope,
    id::{AuditEventId, EventId},
};
use toss_runtime::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, Grant, InvocationContext, Platform,
    Sizing, Trigger, derived,
    events::{SqsRecord, work_off},
    grant::{Queue, Table},
    scope::of_platform_record,
};

/// Attempts at a time: a batch's worth, so that one slow receiver holds back none of the others.
const AT_ONCE: usize = 10;

/// Its registry line.
pub(crate) const DEFINITION: FunctionDefinition = FunctionDefinition::new("webhook-delivery", build)
    .grants(&[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::Write(Table::Audit),
        Grant::Send(Queue::Webhooks),
        Grant::Seal,
        Grant::CallOutside,
    ])
    .triggers(&[Trigger::Messages(Queue::Webhooks)])
    .sizing(Sizing::PATIENT);

struct WebhookDelivery {
    deliverer: Deliverer<KmsDataKeys>,
    publisher: Publisher,
    trail: Trail,
    clock: Arc<dyn Clock>,
}

fn build(platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
    Ok(Arc::new(WebhookDelivery {
        deliverer: Deliverer::of(platform)?,
        publisher: Publisher::new(platform)?,
        trail: Trail::new(platform)?,
        clock: Arc::clone(&platform.clock),
    }))
}

impl Function for WebhookDelivery {
    fn invoke<'a>(
        &'a self,
        event: Value,
        _: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(work_off("WebhookDelivery", event, AT_ONCE, move |record| async move {
            self.work(&record).await
        }))
    }
}

impl WebhookDelivery {
    /// Works on one message; answers whether it is done with.
    async fn work(&self, record: &SqsRecord) -> bool {
        let message: WebhookMessage = match serde_json::from_str(&record.body) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(message_id = record.message_id, %error, "not a message of a webhook delivery");
                return false;
            }
        };
        let scope = of_platform_record(message.tenant);
        match self.deliverer.deliver(&scope, message).await {
            Ok(Delivered::Disabled) => {
                self.tell_of_disabled(&scope, message).await;
                true
            }
            Ok(outcome) => {
                tracing::debug!(webhook = %message.webhook_id, event = %message.event_id, ?outcome, "webhook attempt");
                true
            }
            Err(error) => {
                tracing::warn!(webhook = %message.webhook_id, event = %message.event_id, %error, "will be tried again");
                false
            }
        }
    }

    /// The endpoint's owner hears of it over its other endpoints, and finds it in the audit log. The endpoint is
    /// disabled whether this succeeds or not, and a repeated message would not lead here again.
    async fn tell_of_disabled(&self, scope: &TenantScope, message: WebhookMessage) {
        let (now, webhook, cause) = (self.clock.now(), message.webhook_id, message.event_id);
        let ulid = derived::ulid(now, &["webhook.disabled", &webhook.to_string(), &cause.to_string()]);
        let event = Event {
            id: EventId::from_ulid(ulid),
            kind: EventType::WebhookDisabled,
            timestamp: now,
            data: json!({ "id": webhook, "event_id": cause }),
        };
        if let Err(error) = self.publisher.publish(scope, &event).await {
            tracing::warn!(%webhook, %error, "nobody was told that an endpoint was disabled");
        }
        let Ok(action) = "webhook.disable".parse() else { return };
        let event = AuditEvent {
            id: AuditEventId::from_ulid(ulid),
            time: now,
            actor: Actor::platform(scope.tenant(), "webhook-delivery"),
            action,
            target: Target { kind: "webhook".to_owned(), id: webhook.to_string() },
            outcome: Outcome::Success,
            reasons: Vec::new(),
            details: BTreeMap::from([("event".to_owned(), json!(cause))]),
        };
        if let Err(error) = self.trail.record(scope, &event).await {
            tracing::error!(%webhook, %error, "a disabled endpoint is missing from the audit log");
        }
    }
}

#[cfg(test)]
mod tests;
