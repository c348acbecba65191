//! The tenant on whose behalf code runs.

use crate::id::TenantId;

/// The right to touch one tenant's things.
///
/// Every key of the store is made from a scope, and a scope is made in one crate only, the runtime, from a
/// credential it has verified or from an event that only the platform can have written. The lint
/// `clippy::disallowed_methods` refuses [`TenantScope::from_verified`] everywhere else, so that "whose data
/// is this?" has been answered before any handler runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// Makes the scope. Only `toss-runtime` may call this, after it verified the credential.
    #[must_use]
    pub const fn from_verified(tenant: TenantId) -> Self {
        Self(tenant)
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.0
    }
}
