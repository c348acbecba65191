//! Primary keys.

use toss_kernel::{TenantScope, id::TenantId};

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key; of a tenant's items it begins with `T#<tenant id>`.
    pub(crate) pk: String,
    /// Sort key.
    pub(crate) sk: String,
}

impl Key {
    /// A key of a tenant: `T#<tenant id>#<collection>`. Ids have a fixed width, so that no tenant's prefix is
    /// the beginning of another's.
    pub fn of_tenant(scope: &TenantScope, collection: &str, sk: impl Into<String>) -> Self {
        Self { pk: tenant_partition(scope, collection), sk: sk.into() }
    }

    /// The key that an item itself gives: its tenant is that of the scope it was made or found with.
    pub(crate) fn of_item(tenant: TenantId, collection: &str, sk: impl Into<String>) -> Self {
        Self { pk: format!("T#{tenant}#{collection}"), sk: sk.into() }
    }

    /// A key of the platform itself, which belongs to no tenant: `P#<collection>`.
    pub fn of_platform(collection: &str, sk: impl Into<String>) -> Self {
        Self { pk: platform_partition(collection), sk: sk.into() }
    }
}

/// The partition of a tenant's collection.
#[must_use]
pub fn tenant_partition(scope: &TenantScope, collection: &str) -> String {
    format!("T#{}#{collection}", scope.tenant())
}

/// The partition of a collection that belongs to no tenant.
#[must_use]
pub fn platform_partition(collection: &str) -> String {
    format!("P#{collection}")
}
