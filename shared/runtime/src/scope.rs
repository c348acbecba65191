//! Where scopes come from outside a handler: the gate, which has verified a credential, and workers, which act
//! on what only the platform can have written.

use toss_kernel::{Principal, TenantScope, id::TenantId};

/// The scope of a principal that the gate has verified; none for the operator.
#[must_use]
pub fn of_principal(principal: &Principal) -> Option<TenantScope> {
    principal.tenant.map(of_platform_record)
}

/// The scope of a tenant that an item or event names which only the platform can have written: a key's record,
/// a message of a queue, a change in a table's stream. Never of what a caller sent.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "what the platform wrote is as good as a verified credential")]
pub fn of_platform_record(tenant: TenantId) -> TenantScope {
    TenantScope::from_verified(tenant)
}
