//! What became of the messages to an endpoint; tests and replays.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_delivery::webhook::{Event, EventType, PublishError};
use toss_kernel::id::EventId;
use toss_runtime::api::{Access, Problem, Reply, Request, Route};
use toss_store::{
    StoreError,
    webhooks::{DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
};
use ulid::Ulid;

use super::Webhooks;
use crate::{
    listing::{Listing, PageQuery},
    record::Act,
    seed::Seed,
};

/// Replays at a time.
const AT_ONCE: usize = 8;
/// The most deliveries that one request starts anew.
const MOST_REPLAYS: usize = 500;
/// The most deliveries that one request looks at.
const MOST_EXAMINED: usize = 5000;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DeliveryState {
    /// It is or will be tried.
    Pending,
    /// The receiver took it.
    Delivered,
    /// All attempts failed, or the endpoint was not enabled.
    Failed,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct DeliveryAttemptView {
    at: Timestamp,
    /// The receiver's status, if it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The code of the error, if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The beginning of the answer, or what went wrong.
    detail: String,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct DeliveryView {
    /// The event's id: the `webhook-id` of its messages.
    id: EventId,
    event_type: String,
    status: DeliveryState,
    /// Attempts that were begun since it was published or replayed.
    attempts: u32,
    /// The attempts that ended, newest last; at most the last 10.
    history: Vec<DeliveryAttemptView>,
    /// Not to be tried before.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<WebhookDelivery> for DeliveryView {
    fn from(delivery: WebhookDelivery) -> Self {
        let attempts = delivery.history.into_iter();
        Self {
            id: delivery.event_id,
            event_type: delivery.event_type,
            status: match delivery.status {
                DeliveryStatus::Pending => DeliveryState::Pending,
                DeliveryStatus::Delivered => DeliveryState::Delivered,
                DeliveryStatus::Failed => DeliveryState::Failed,
            },
            attempts: delivery.attempts,
            history: attempts
                .map(|attempt| DeliveryAttemptView {
                    at: attempt.at,
                    status: attempt.status,
                    error: attempt.error,
                    detail: attempt.detail,
                })
                .collect(),
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct DeliveryWithPayload {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The message.
    payload: Value,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct StartedDelivery {
    /// The delivery.
    delivery_id: EventId,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookReplay {
    /// Only events from then on; all that are kept (30 days) when not given.
    #[serde(default)]
    since: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ReplayedDeliveries {
    /// How many failed deliveries were started anew.
    replayed: usize,
    /// When there are more: replay again with this as `since`.
    next_since: Option<Timestamp>,
}

pub(super) fn routes() -> Vec<Route<Webhooks>> {
    let (all, one) = ("/v1/webhooks/{id}/deliveries", "/v1/webhooks/{id}/deliveries/{delivery_id}");
    let again = "/v1/webhooks/{id}/deliveries/{delivery_id}/replay";
    let (test, replay) = ("/v1/webhooks/{id}/test", "/v1/webhooks/{id}/replay");
    let (read, repeat) = (Access::Action("webhooks:read"), Access::Action("webhooks:replay"));
    vec![
        Route::new(
            Method::POST,
            test,
            Access::Action("webhooks:test"),
            202,
            "Send a test message",
            Webhooks::test,
        ),
        Route::new(
            Method::GET,
            all,
            read,
            200,
            "An endpoint's deliveries, newest first",
            Webhooks::deliveries,
        ),
        Route::new(Method::GET, one, read, 200, "One delivery with its message", Webhooks::delivery),
        Route::new(Method::POST, again, repeat, 202, "Deliver a message again", Webhooks::replay_one),
        Route::new(Method::POST, replay, repeat, 202, "Deliver again what failed", Webhooks::replay),
    ]
}

impl Webhooks {
    async fn test(self: Arc<Self>, request: Request) -> Result<Reply<StartedDelivery>, Problem> {
        let endpoint = self.enabled(&request).await?;
        let event = Event {
            id: EventId::from_ulid(Seed::of(&request, &self.platform).ulid("ping")),
            kind: EventType::Ping,
            timestamp: self.platform.clock.now(),
            data: json!({ "webhook_id": endpoint.id }),
        };
        self.publisher.publish_to(&endpoint, &event).await.map_err(refusal)?;
        self.record(&request, "webhook.test", &endpoint, vec![("event", json!(event.id))]).await?;
        Ok(Reply::accepted(StartedDelivery { delivery_id: event.id }))
    }

    async fn deliveries(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<DeliveryView>>, Problem> {
        let endpoint = self.found(&request).await?;
        let range = WebhookDelivery::of_endpoint(request.scope()?, endpoint.id).newest_first();
        let page = self.store.list::<WebhookDelivery>(request.query.of(range)?).await?;
        Ok(Reply::ok(Listing::of(page, DeliveryView::from)))
    }

    async fn delivery(self: Arc<Self>, request: Request) -> Result<Reply<DeliveryWithPayload>, Problem> {
        let endpoint = self.found(&request).await?;
        let event: EventId = request.path("delivery_id", "delivery")?;
        let key = WebhookDelivery::key_of(request.scope()?, endpoint.id, event);
        let found = self.store.get::<WebhookDelivery>(&key).await?;
        let delivery = found.ok_or_else(|| Problem::not_found("delivery"))?;
        let payload = serde_json::from_str(&delivery.body).map_err(|error| Problem::internal(&error))?;
        Ok(Reply::ok(DeliveryWithPayload { delivery: delivery.into(), payload }))
    }

    async fn replay_one(self: Arc<Self>, request: Request) -> Result<Reply<StartedDelivery>, Problem> {
        let endpoint = self.enabled(&request).await?;
        let event: EventId = request.path("delivery_id", "delivery")?;
        self.publisher.replay(request.scope()?, endpoint.id, event).await.map_err(refusal)?;
        self.record(&request, "webhook.replay", &endpoint, vec![("event", json!(event))]).await?;
        Ok(Reply::accepted(StartedDelivery { delivery_id: event }))
    }

    /// Starts anew what failed, oldest first. One request looks at so many deliveries and no more; what it answers
    /// says where the next one goes on.
    async fn replay(
        self: Arc<Self>,
        request: Request<WebhookReplay>,
    ) -> Result<Reply<ReplayedDeliveries>, Problem> {
        let endpoint = self.enabled(&request).await?;
        let scope = request.scope()?;
        let first = request.body.since.map_or(0, |since| u64::try_from(since.as_millisecond()).unwrap_or(0));
        let id =
            |milliseconds, random| EventId::from_ulid(Ulid::from_parts(milliseconds, random)).to_string();
        let range = WebhookDelivery::of_endpoint(scope, endpoint.id)
            .between(id(first, 0), id((1 << 48) - 1, u128::MAX))
            .limit(100);
        let (mut replayed, mut examined, mut after, mut next_since) = (0, 0, None, None);
        loop {
            let page = self.store.list::<WebhookDelivery>(range.clone().after(after)).await?;
            let last = page.items.last().map(|delivery| delivery.event_id.ulid().timestamp_ms());
            examined += page.items.len();
            let failed = page.items.into_iter().filter(|delivery| delivery.status == DeliveryStatus::Failed);
            replayed += stream::iter(failed)
                .map(|delivery| self.started(delivery))
                .buffer_unordered(AT_ONCE)
                .try_fold(0, |sum, started| async move { Ok(sum + usize::from(started)) })
                .await?;
            after = page.next;
            if after.is_none() {
                break;
            }
            if replayed >= MOST_REPLAYS || examined >= MOST_EXAMINED {
                let last = last.and_then(|last| i64::try_from(last).ok());
                next_since = last.and_then(|last| Timestamp::from_millisecond(last).ok());
                break;
            }
        }
        let details = vec![("since", json!(request.body.since)), ("replayed", json!(replayed))];
        self.record(&request, "webhook.replay", &endpoint, details).await?;
        Ok(Reply::accepted(ReplayedDeliveries { replayed, next_since }))
    }

    /// Starts a delivery anew; answers whether it did. One that was changed or forgotten meanwhile is let be.
    async fn started(&self, delivery: WebhookDelivery) -> Result<bool, Problem> {
        match self.publisher.replay(&delivery.scope(), delivery.webhook_id, delivery.event_id).await {
            Ok(()) => Ok(true),
            Err(PublishError::Store(StoreError::Conflict) | PublishError::NoSuchDelivery { .. }) => Ok(false),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn enabled<B, Q>(&self, request: &Request<B, Q>) -> Result<WebhookEndpoint, Problem> {
        let endpoint = self.found(request).await?;
        if endpoint.status == EndpointStatus::Enabled {
            return Ok(endpoint);
        }
        Err(Problem::conflict(
            "webhook-not-enabled",
            "Nothing is sent to this endpoint; set its status to 'enabled' first.",
        ))
    }

    async fn record<B, Q>(
        &self,
        request: &Request<B, Q>,
        action: &'static str,
        endpoint: &WebhookEndpoint,
        details: Vec<(&'static str, Value)>,
    ) -> Result<(), Problem> {
        let act = Act { action, kind: "webhook", id: &endpoint.id, details };
        let event = self.recorder.of(request.scope()?, &request.caller, act).await?;
        Ok(self.store.create(&event).await?)
    }
}

fn refusal(error: PublishError) -> Problem {
    match error {
        PublishError::Store(error) => error.into(),
        PublishError::NoSuchDelivery { .. } => Problem::not_found("delivery"),
    }
}
