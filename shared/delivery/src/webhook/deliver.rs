//! One message of the webhooks queue: claim the delivery, attempt it, write down what came of it.
//!
//! The claim moves the next attempt into the near future before anything is sent. So a second message for the
//! same delivery finds nothing to do, and a worker that dies in between is made up for when that time comes.
//! A receiver may get a message twice, as the standard says, and can tell by its id.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use toss_audit::{DataKeys, Envelope, kms::KmsDataKeys};
use toss_kernel::{Clock, TenantScope};
use toss_runtime::{ConfigurationError, Platform};
use toss_store::{
    Store, StoreError,
    webhooks::{DeliveryAttempt, DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
};
use url::Url;

use super::{
    AttemptReport, Delivery, Publisher, SecretsError, Verdict, WebhookMessage, attempt, open_secrets,
};
use crate::outbound::OutboundClient;

/// How long a claimed delivery is left alone: well over the 15 seconds of an attempt.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// Attempts that are remembered.
const HISTORY: usize = 10;

/// Deliveries in a row, each tried for days, after which an endpoint is disabled.
const MOST_FAILURES: u32 = 5;

/// Why a message could not be worked on; it will be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The endpoint's secrets do not open.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// There was nothing to do: done already, not due yet, or someone else is at it.
    Nothing,
    /// The receiver took it.
    Yes,
    /// It failed and will be tried again then.
    Later(Timestamp),
    /// It failed for good.
    No,
    /// It failed, and the endpoint was disabled: tell its owner.
    Disabled,
}

/// Delivers webhooks.
pub struct Deliverer<K> {
    publisher: Publisher,
    envelope: Envelope<K>,
    client: OutboundClient,
    clock: Arc<dyn Clock>,
}

impl Deliverer<KmsDataKeys> {
    /// The deliverer of a function that was granted to write the work table, to send to the webhooks queue, to
    /// seal and to call the outside.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing or malformed.
    pub fn of(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self::new(
            Publisher::new(platform)?,
            toss_audit::envelope_of(platform)?,
            OutboundClient::of(platform)?,
            platform.clock.clone(),
        ))
    }
}

impl<K: DataKeys> Deliverer<K> {
    /// A deliverer that calls through `client`.
    pub fn new(
        publisher: Publisher,
        envelope: Envelope<K>,
        client: OutboundClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { publisher, envelope, client, clock }
    }

    fn store(&self) -> &Store {
        self.publisher.store()
    }

    /// Works on one message.
    ///
    /// # Errors
    /// [`DeliverError`]; the message is then to be delivered again.
    pub async fn deliver(
        &self,
        scope: &TenantScope,
        message: WebhookMessage,
    ) -> Result<Delivered, DeliverError> {
        let now = self.clock.now();
        let key = WebhookDelivery::key_of(scope, message.webhook_id, message.event_id);
        let Some(mut delivery) = self.store().get::<WebhookDelivery>(&key).await? else {
            return Ok(Delivered::Nothing);
        };
        let due = delivery.next_attempt_at.is_some_and(|at| at <= now);
        if delivery.status != DeliveryStatus::Pending || !due {
            return Ok(Delivered::Nothing);
        }
        let endpoint =
            self.store().get::<WebhookEndpoint>(&WebhookEndpoint::key_of(scope, message.webhook_id)).await?;
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.status == EndpointStatus::Enabled) else {
            return self.refuse(&mut delivery, now, "the endpoint is not enabled").await;
        };
        let Ok(url) = Url::parse(&endpoint.url) else {
            return self.refuse(&mut delivery, now, "the endpoint's URL is not one").await;
        };
        let secrets = open_secrets(&self.envelope, &endpoint, now).await?;

        delivery.attempts += 1;
        delivery.next_attempt_at = now.checked_add(CLAIM).ok();
        match self.store().replace(&mut delivery).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Ok(Delivered::Nothing),
            Err(error) => return Err(error.into()),
        }
        let id = delivery.event_id.to_string();
        let body = Bytes::from(delivery.body.clone());
        let sent = Delivery { url: &url, secrets: &secrets, id: &id, body, number: delivery.attempts };
        let report = attempt(&self.client, &sent, now, jitter(&delivery)).await;
        self.conclude(delivery, endpoint, report).await
    }

    /// Ends a delivery without an attempt.
    async fn refuse(
        &self,
        delivery: &mut WebhookDelivery,
        now: Timestamp,
        why: &str,
    ) -> Result<Delivered, DeliverError> {
        delivery.status = DeliveryStatus::Failed;
        delivery.next_attempt_at = None;
        remember(
            delivery,
            DeliveryAttempt { at: now, status: None, error: Some("endpoint".into()), detail: why.into() },
        );
        match self.store().replace(delivery).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(Delivered::No),
            Err(error) => Err(error.into()),
        }
    }

    async fn conclude(
        &self,
        mut delivery: WebhookDelivery,
        endpoint: WebhookEndpoint,
        report: AttemptReport,
    ) -> Result<Delivered, DeliverError> {
        let (status, next) = match report.verdict {
            Verdict::Delivered => (DeliveryStatus::Delivered, None),
            Verdict::Retry(at) => (DeliveryStatus::Pending, Some(at)),
            Verdict::GiveUp | Verdict::Disable => (DeliveryStatus::Failed, None),
        };
        delivery.status = status;
        delivery.next_attempt_at = next;
        remember(
            &mut delivery,
            DeliveryAttempt {
                at: self.clock.now(),
                status: report.status,
                error: report.error.map(str::to_owned),
                detail: report.detail,
            },
        );
        match self.store().replace(&mut delivery).await {
            Ok(()) => {}
            // It was replayed meanwhile: the new schedule stands.
            Err(StoreError::Conflict) => return Ok(Delivered::Nothing),
            Err(error) => return Err(error.into()),
        }
        match report.verdict {
            Verdict::Delivered => {
                if endpoint.failures > 0 {
                    self.change(endpoint, |endpoint| endpoint.failures = 0).await?;
                }
                Ok(Delivered::Yes)
            }
            Verdict::Retry(at) => {
                self.publisher.send_at(WebhookMessage::from(&delivery), at).await;
                Ok(Delivered::Later(at))
            }
            Verdict::GiveUp if endpoint.failures + 1 < MOST_FAILURES => {
                self.change(endpoint, |endpoint| endpoint.failures += 1).await?;
                Ok(Delivered::No)
            }
            Verdict::GiveUp | Verdict::Disable => {
                self.change(endpoint, |endpoint| endpoint.status = EndpointStatus::Disabled).await?;
                Ok(Delivered::Disabled)
            }
        }
    }

    /// Changes an endpoint; if its owner changed it meanwhile, the owner's change stands and the next delivery
    /// tells the same again.
    async fn change(
        &self,
        mut endpoint: WebhookEndpoint,
        change: impl FnOnce(&mut WebhookEndpoint),
    ) -> Result<(), StoreError> {
        change(&mut endpoint);
        match self.store().replace(&mut endpoint).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn remember(delivery: &mut WebhookDelivery, attempt: DeliveryAttempt) {
    delivery.history.push(attempt);
    let surplus = delivery.history.len().saturating_sub(HISTORY);
    delivery.history.drain(..surplus);
}

/// A number from 0 to 1 that differs from event to event and from attempt to attempt. The random part of the
/// event's id is randomness enough.
fn jitter(delivery: &WebhookDelivery) -> f64 {
    let random = delivery.event_id.ulid().0 ^ delivery.webhook_id.ulid().0;
    let part = (random >> (delivery.attempts % 8 * 8)) & 0xff;
    u32::try_from(part).map_or(0.0, f64::from) / 255.0
}
