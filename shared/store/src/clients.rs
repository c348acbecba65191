//! Clients of tenants, their API keys, and the secret under which keys are kept.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toss_kernel::{
    Role, TenantScope,
    id::{ClientId, KeyId, TenantId},
};

use crate::{Entity, Key, Range, Table, platform_partition, tenant_partition};

/// How fast a key may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatePolicy {
    /// Requests a second, in the long run.
    pub rate: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
}

/// An application that calls the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// Its type, such as `service`.
    pub client_type: String,
    /// Its roles, which its keys have.
    pub roles: BTreeSet<Role>,
    /// What narrows the roles; empty for nothing.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// How fast each of its keys may call; none for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_policy: Option<RatePolicy>,
    /// When it was registered.
    pub created_at: Timestamp,
}

const CLIENTS: &str = "clients";

impl Client {
    /// The key of a client.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: ClientId) -> Key {
        Key::of_tenant(scope, CLIENTS, id.to_string())
    }

    /// A tenant's clients, oldest first.
    #[must_use]
    pub fn all(scope: &TenantScope) -> Range {
        Range::of(Table::Directory, tenant_partition(scope, CLIENTS))
    }
}

impl Entity for Client {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "client";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, CLIENTS, self.id.to_string())
    }
}

/// An API key as the gate finds it, by the id that the key itself carries: all that is needed to know its
/// holder, in one read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub tenant: TenantId,
    /// The client's.
    pub client: ClientId,
    /// The name its holder acts under.
    pub name: String,
    /// The client's roles.
    pub roles: BTreeSet<Role>,
    /// The client's scopes.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// The client's rate policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_policy: Option<RatePolicy>,
    /// HMAC-SHA-256 of the key, in hexadecimal.
    pub digest: String,
    /// Version of the secret that it is keyed with.
    pub pepper: u32,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<KeyId>,
    /// How often it was replaced in the store.
    pub revision: u64,
}

impl ApiKey {
    /// The key of an API key. It belongs to no tenant's partition: a key is found before its tenant is known.
    #[must_use]
    pub fn key_of(id: KeyId) -> Key {
        Key::of_platform(&format!("key#{id}"), "key")
    }

    /// Whether it opens anything at this moment.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

impl Entity for ApiKey {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "api-key";

    fn key(&self) -> Key {
        Self::key_of(self.id)
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// A key's place in its client's list. Written once, with the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyEntry {
    /// Whose.
    pub tenant: TenantId,
    /// The client's.
    pub client: ClientId,
    /// The key.
    pub id: KeyId,
}

const KEYS: &str = "keys";

impl ApiKeyEntry {
    /// The key of an entry. That it exists under a scope is what makes the key that tenant's.
    #[must_use]
    pub fn key_of(scope: &TenantScope, client: ClientId, id: KeyId) -> Key {
        Key::of_tenant(scope, KEYS, format!("{client}#{id}"))
    }

    /// A client's keys, oldest first.
    #[must_use]
    pub fn of_client(scope: &TenantScope, client: ClientId) -> Range {
        Range::of(Table::Directory, tenant_partition(scope, KEYS)).prefix(format!("{client}#"))
    }
}

impl Entity for ApiKeyEntry {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "api-key-entry";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, KEYS, format!("{}#{}", self.client, self.id))
    }
}

/// When a key was used last, to within a few minutes: a write for each request would cost more than it tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyUse {
    /// Whose.
    pub tenant: TenantId,
    /// The key.
    pub id: KeyId,
    /// When.
    pub last_used_at: Timestamp,
}

impl ApiKeyUse {
    /// The key of a key's use.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: KeyId) -> Key {
        Key::of_tenant(scope, "key-use", id.to_string())
    }
}

impl Entity for ApiKeyUse {
    const TABLE: Table = Table::Limits;
    const KIND: &'static str = "api-key-use";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, "key-use", self.id.to_string())
    }
}

/// A version of the platform's secret, wrapped by the key service. What is derived from it keeps API keys and
/// stored answers; versions are added and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformSecret {
    /// From 1.
    pub version: u32,
    /// 32 bytes under the data key, in Base64.
    pub wrapped: String,
    /// When it was made.
    pub created_at: Timestamp,
}

const SECRETS: &str = "secrets";

impl PlatformSecret {
    /// The key of a version.
    #[must_use]
    pub fn key_of(version: u32) -> Key {
        Key::of_platform(SECRETS, format!("{version:010}"))
    }

    /// All versions, newest first.
    #[must_use]
    pub fn newest_first() -> Range {
        Range::of(Table::Directory, platform_partition(SECRETS)).newest_first()
    }
}

impl Entity for PlatformSecret {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "platform-secret";

    fn key(&self) -> Key {
        Self::key_of(self.version)
    }
}
