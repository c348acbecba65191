//! Publishing: an event becomes one delivery for each endpoint that takes it.
//!
//! The delivery is written first, due at once; the message to the queue only makes it quick. A message that is
//! lost is made up for by the timer, and one too many finds nothing to do.

use std::sync::Arc;

use aws_sdk_sqs::{Client, error::DisplayErrorContext, types::SendMessageBatchRequestEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toss_kernel::{
    Clock, TenantScope,
    id::{EventId, TenantId, WebhookId},
};
use toss_runtime::{ConfigurationError, Platform};
use toss_store::{
    Store, StoreError,
    webhooks::{DELIVERY_SHARDS, DeliveryStatus, WebhookDelivery, WebhookEndpoint},
};

use super::Event;

/// The most messages in one call of the queue.
const BATCH: usize = 10;

/// The longest that the queue holds a message back, in seconds.
const LONGEST_DELAY: i64 = 900;

/// A message of the webhooks queue: try this delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// Whose.
    pub tenant: TenantId,
    /// To which endpoint.
    pub webhook_id: WebhookId,
    /// Of which event.
    pub event_id: EventId,
}

impl From<&WebhookDelivery> for WebhookMessage {
    fn from(delivery: &WebhookDelivery) -> Self {
        Self { tenant: delivery.tenant, webhook_id: delivery.webhook_id, event_id: delivery.event_id }
    }
}

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such delivery.
    #[error("there is no delivery of {event} to {webhook}")]
    NoSuchDelivery {
        /// The endpoint.
        webhook: WebhookId,
        /// The event.
        event: EventId,
    },
}

/// Publishes events to tenants' webhooks.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    queue: Client,
    queue_url: String,
    clock: Arc<dyn Clock>,
}

impl Publisher {
    /// The publisher of a function that was granted to write the work table and to send to the webhooks queue.
    ///
    /// # Errors
    /// [`ConfigurationError`] when the queue's URL is not set.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            queue: platform.sdk.sqs().clone(),
            queue_url: platform.environment.required("TOSS_WEBHOOKS_QUEUE_URL")?.to_owned(),
            clock: platform.clock.clone(),
        })
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Makes a delivery of the event for each endpoint of the tenant that takes it; answers how many there are.
    /// Publishing an event again makes none twice.
    ///
    /// # Errors
    /// [`PublishError`] when the store fails; then publish again.
    pub async fn publish(&self, scope: &TenantScope, event: &Event) -> Result<usize, PublishError> {
        let mut messages = Vec::new();
        let mut after = None;
        loop {
            let range = WebhookEndpoint::of_tenant(scope).after(after);
            let page = self.store.list::<WebhookEndpoint>(range).await?;
            for endpoint in page.items.iter().filter(|endpoint| endpoint.takes(event.kind.name())) {
                messages.push(self.create(endpoint, event).await?);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.send(&messages, 0).await;
        Ok(messages.len())
    }

    /// Makes a delivery of the event to one endpoint, whatever types it takes: for test messages.
    ///
    /// # Errors
    /// [`PublishError`] when the store fails.
    pub async fn publish_to(&self, endpoint: &WebhookEndpoint, event: &Event) -> Result<(), PublishError> {
        let message = self.create(endpoint, event).await?;
        self.send(&[message], 0).await;
        Ok(())
    }

    async fn create(
        &self,
        endpoint: &WebhookEndpoint,
        event: &Event,
    ) -> Result<WebhookMessage, PublishError> {
        let now = self.clock.now();
        let delivery = WebhookDelivery {
            tenant: endpoint.tenant,
            webhook_id: endpoint.id,
            event_id: event.id,
            event_type: event.kind.name().to_owned(),
            body: event.body(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            history: Vec::new(),
            next_attempt_at: Some(now),
            created_at: now,
            revision: 0,
        };
        match self.store.create(&delivery).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(WebhookMessage::from(&delivery)),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts a delivery anew, whatever became of it: the same message, a new schedule.
    ///
    /// # Errors
    /// [`PublishError::NoSuchDelivery`], or a failure of the store.
    pub async fn replay(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        event: EventId,
    ) -> Result<(), PublishError> {
        let key = WebhookDelivery::key_of(scope, webhook, event);
        let found = self.store.get::<WebhookDelivery>(&key).await?;
        let mut delivery = found.ok_or(PublishError::NoSuchDelivery { webhook, event })?;
        delivery.status = DeliveryStatus::Pending;
        delivery.attempts = 0;
        delivery.next_attempt_at = Some(self.clock.now());
        self.store.replace(&mut delivery).await?;
        self.send(&[WebhookMessage::from(&delivery)], 0).await;
        Ok(())
    }

    /// Sends a message for every delivery that is due, of all tenants; answers how many. For the timer.
    ///
    /// # Errors
    /// [`PublishError`] when the store fails.
    pub async fn send_due(&self) -> Result<usize, PublishError> {
        let now = self.clock.now();
        let mut sent = 0;
        for shard in 0..DELIVERY_SHARDS {
            let due = self.store.list::<WebhookDelivery>(WebhookDelivery::due(shard, now).limit(200)).await?;
            let messages: Vec<WebhookMessage> = due.items.iter().map(WebhookMessage::from).collect();
            self.send(&messages, 0).await;
            sent += messages.len();
        }
        Ok(sent)
    }

    /// Sends the message for an attempt that is due soon. A later one is left to the timer.
    pub(super) async fn send_at(&self, message: WebhookMessage, at: Timestamp) {
        let seconds = at.duration_since(self.clock.now()).as_secs().max(0);
        if seconds < LONGEST_DELAY {
            // One second more than the wait: a message that comes early finds nothing to do yet.
            self.send(&[message], i32::try_from(seconds).unwrap_or(0) + 1).await;
        }
    }

    async fn send(&self, messages: &[WebhookMessage], delay_seconds: i32) {
        for batch in messages.chunks(BATCH) {
            if let Err(error) = self.send_batch(batch, delay_seconds).await {
                tracing::warn!(%error, "webhook deliveries wait for the timer");
            }
        }
    }

    async fn send_batch(&self, batch: &[WebhookMessage], delay_seconds: i32) -> Result<(), String> {
        let mut entries = Vec::with_capacity(batch.len());
        for (place, message) in batch.iter().enumerate() {
            let body = serde_json::to_string(message).map_err(|error| error.to_string())?;
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(body)
                .delay_seconds(delay_seconds)
                .build()
                .map_err(|error| error.to_string())?;
            entries.push(entry);
        }
        let answer = self
            .queue
            .send_message_batch()
            .queue_url(&self.queue_url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(format!("{} messages were refused: {}", answer.failed.len(), failed.code)),
        }
    }
}
