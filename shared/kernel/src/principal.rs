//! Who acts.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ClientId, KeyId, TenantId};

/// What a principal may do, in broad terms; the authorisation policy says what each role means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the platform: tenants, plans, quotas. Belongs to no tenant.
    Operator,
    /// Administers one tenant.
    Admin,
    /// Writes and runs workflows.
    Author,
    /// Decides tasks.
    Approver,
    /// Reads the audit log and reports.
    Auditor,
}

/// A verified caller of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant it belongs to; none for the operator.
    pub tenant: Option<TenantId>,
    /// The client whose credential it showed; none for the operator.
    pub client: Option<ClientId>,
    /// The key it showed; none for the operator.
    pub key: Option<KeyId>,
    /// The name it acts under in task assignments and in the audit log.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// Scopes that narrow the roles, such as `executions:read`; empty means all that the roles allow.
    pub scopes: BTreeSet<String>,
}

impl Principal {
    /// Whether it has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
