//! Tenants.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toss_kernel::{TenantScope, id::TenantId};

use crate::{Entity, Key, Range, Store, StoreError, Table, platform_partition};

/// Whether a tenant's people and keys may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// They may.
    Active,
    /// The operator has stopped them.
    Suspended,
    /// They may until the tenant's `closes_at`.
    Closing,
}

/// A company that signed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// The plan it pays for.
    pub plan: String,
    /// Whether it may act.
    pub status: TenantStatus,
    /// When it signed up.
    pub created_at: Timestamp,
    /// When anything above changed last.
    pub updated_at: Timestamp,
    /// When its keys stop working, while it is being closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// How often it was replaced.
    pub revision: u64,
}

impl Tenant {
    /// The key of a tenant's own record.
    #[must_use]
    pub fn key_of(scope: &TenantScope) -> Key {
        Key::of_tenant(scope, "tenant", "tenant")
    }

    /// Whether its principals may act at this moment.
    #[must_use]
    pub fn may_act(&self, now: Timestamp) -> bool {
        match self.status {
            TenantStatus::Active => true,
            TenantStatus::Suspended => false,
            TenantStatus::Closing => self.closes_at.is_some_and(|at| now < at),
        }
    }
}

impl Entity for Tenant {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "tenant";

    fn key(&self) -> Key {
        Key::of_item(self.id, "tenant", "tenant")
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// A tenant's place in the operator's list: which tenants there are. Written once, with the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantEntry {
    /// The tenant.
    pub id: TenantId,
}

const TENANTS: &str = "tenants";

impl TenantEntry {
    /// All tenants, oldest first.
    #[must_use]
    pub fn all() -> Range {
        Range::of(Table::Directory, platform_partition(TENANTS))
    }
}

impl Entity for TenantEntry {
    const TABLE: Table = Table::Directory;
    const KIND: &'static str = "tenant-entry";

    fn key(&self) -> Key {
        Key::of_platform(TENANTS, self.id.to_string())
    }
}

impl Store {
    /// The tenant of a scope.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn tenant(&self, scope: &TenantScope) -> Result<Option<Tenant>, StoreError> {
        self.get(&Tenant::key_of(scope)).await
    }
}
