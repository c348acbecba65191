//! Webhook endpoints and deliveries.
//!
//! | access pattern | item | key |
//! |---|---|---|
//! | an endpoint; a tenant's endpoints | [`WebhookEndpoint`] | `work`: `T#<ten>#webhooks` / `<whk>` |
//! | an endpoint's deliveries, by age of the event | [`WebhookDelivery`] | `work`: `T#<ten>#deliveries#<whk>` / `<evt>`, expires after 30 days |
//! | deliveries due, all tenants | [`WebhookDelivery`] | `gsi2`: `P#due-deliveries#<0-7>` / `<time>#<ten>#<evt>` |
//!
//! A delivery's key is its event and its endpoint: publishing an event twice makes one delivery.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use toss_kernel::{
    TenantScope,
    id::{EventId, TenantId, WebhookId},
};
use toss_runtime::scope::of_platform_record;

use crate::{Entity, Index, IndexEntry, Key, Range, Table, binary, platform_partition, tenant_partition};

/// Partitions of the index of what is due, so that no single one takes the writes of all tenants.
pub const DELIVERY_SHARDS: u8 = 8;

/// How long a delivery is kept for its owner to see.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

const ENDPOINTS: &str = "webhooks";

/// Whether an endpoint is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// Its owner has stopped it.
    Paused,
    /// It answered 410, or its deliveries kept failing.
    Disabled,
}

/// A signing secret, encrypted under the tenant's data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// The data key, wrapped by the key service.
    #[serde(with = "binary")]
    pub wrapped_key: Vec<u8>,
    /// The secret, encrypted.
    #[serde(with = "binary")]
    pub ciphertext: Vec<u8>,
    /// When it stops being used; none for the current one.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Where a tenant wants its events sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub tenant: TenantId,
    /// The receiver.
    pub url: String,
    /// The event types it takes; empty means all.
    pub events: Vec<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Signing secrets, newest first.
    pub secrets: Vec<SealedSecret>,
    /// Whether it is sent to.
    pub status: EndpointStatus,
    /// Deliveries in a row that were given up.
    #[serde(default)]
    pub failures: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was replaced.
    pub revision: u64,
}

impl WebhookEndpoint {
    /// The key of a tenant's endpoint.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: WebhookId) -> Key {
        Key::of_tenant(scope, ENDPOINTS, id.to_string())
    }

    /// A tenant's endpoints, oldest first.
    #[must_use]
    pub fn of_tenant(scope: &TenantScope) -> Range {
        Range::of(Self::TABLE, tenant_partition(scope, ENDPOINTS))
    }

    /// Whether it takes events of this type now.
    #[must_use]
    pub fn takes(&self, event_type: &str) -> bool {
        self.status == EndpointStatus::Enabled
            && (self.events.is_empty() || self.events.iter().any(|name| name == event_type))
    }
}

impl Entity for WebhookEndpoint {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "webhook-endpoint";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, ENDPOINTS, self.id.to_string())
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is or will be tried.
    Pending,
    /// The receiver took it.
    Delivered,
    /// All attempts failed, or the endpoint was disabled.
    Failed,
}

/// One attempt, for the endpoint's owner to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    /// When.
    pub at: Timestamp,
    /// The receiver's status, if it answered.
    #[serde(default)]
    pub status: Option<u16>,
    /// The code of the error, if it did not.
    #[serde(default)]
    pub error: Option<String>,
    /// The beginning of the answer, or what went wrong.
    pub detail: String,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// Whose.
    pub tenant: TenantId,
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// The message, the same bytes at every attempt.
    pub body: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts that were begun since it was published or replayed.
    pub attempts: u32,
    /// The attempts that ended, newest last; at most the last 10.
    #[serde(default)]
    pub history: Vec<DeliveryAttempt>,
    /// Not to be tried before; none when nothing is to be done.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was published.
    pub created_at: Timestamp,
    /// How often it was replaced.
    pub revision: u64,
}

impl WebhookDelivery {
    fn collection(webhook: WebhookId) -> String {
        format!("deliveries#{webhook}")
    }

    /// The key of an event's delivery to an endpoint.
    #[must_use]
    pub fn key_of(scope: &TenantScope, webhook: WebhookId, event: EventId) -> Key {
        Key::of_tenant(scope, &Self::collection(webhook), event.to_string())
    }

    /// An endpoint's deliveries, oldest event first.
    #[must_use]
    pub fn of_endpoint(scope: &TenantScope, webhook: WebhookId) -> Range {
        Range::of(Self::TABLE, tenant_partition(scope, &Self::collection(webhook)))
    }

    /// Deliveries that are due by `now`, over all tenants, in one of [`DELIVERY_SHARDS`] parts; longest due first.
    #[must_use]
    pub fn due(shard: u8, now: Timestamp) -> Range {
        Range::of(Self::TABLE, due_partition(shard)).by(Index::Second).between("0", format!("{now:.3}~"))
    }

    /// The tenant's scope.
    #[must_use]
    pub fn scope(&self) -> TenantScope {
        of_platform_record(self.tenant)
    }

    fn shard(&self) -> u8 {
        u8::try_from(self.event_id.ulid().0 % u128::from(DELIVERY_SHARDS)).unwrap_or(0)
    }
}

fn due_partition(shard: u8) -> String {
    platform_partition(&format!("due-deliveries#{shard}"))
}

impl Entity for WebhookDelivery {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "webhook-delivery";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, &Self::collection(self.webhook_id), self.event_id.to_string())
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let due = self.next_attempt_at.filter(|_| self.status == DeliveryStatus::Pending);
        let entry = |due: Timestamp| IndexEntry {
            index: Index::Second,
            pk: due_partition(self.shard()),
            sk: format!("{due:.3}#{}#{}", self.tenant, self.event_id),
        };
        due.map(entry).into_iter().collect()
    }

    fn expires(&self) -> Option<i64> {
        self.created_at.saturating_add(KEPT).ok().map(Timestamp::as_second)
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}
