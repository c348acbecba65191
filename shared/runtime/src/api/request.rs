//! What a handler gets and gives.

use std::{collections::BTreeMap, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toss_kernel::{Principal, Role, TenantScope, id::TenantId};
use ulid::Ulid;

use super::Problem;

/// Who calls and from where; what every handler may need for authorisation and the audit log.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The verified principal; an anonymous one on public routes.
    pub principal: Principal,
    /// The address the request came from.
    pub source_ip: String,
    /// The request's id.
    pub request_id: String,
    /// Why the request was allowed: the action that the policy permits.
    pub action: &'static str,
    pub(super) scope: Option<TenantScope>,
}

impl Caller {
    /// The tenant on whose behalf this runs.
    ///
    /// # Errors
    /// 403 on a tenant's route when the caller is the operator, who has no tenant.
    pub fn scope(&self) -> Result<&TenantScope, Problem> {
        self.scope.as_ref().ok_or_else(|| {
            Problem::forbidden(
                "This route belongs to a tenant: call it with a tenant's key, not the operator's.",
            )
        })
    }

    /// The scope of any tenant, for the operator.
    ///
    /// # Errors
    /// 404 for everyone else, who is not told whether the tenant exists.
    pub fn operator_scope(&self, tenant: TenantId) -> Result<TenantScope, Problem> {
        if self.principal.has(Role::Operator) || self.principal.tenant == Some(tenant) {
            return Ok(verified(tenant));
        }
        Err(Problem::not_found("tenant"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pipeline has verified the credential that the tenant comes from"
)]
pub(super) fn verified(tenant: TenantId) -> TenantScope {
    TenantScope::from_verified(tenant)
}

/// A typed request.
#[derive(Debug, Clone)]
pub struct Request<B = (), Q = NoQuery> {
    /// Who calls.
    pub caller: Caller,
    /// The body.
    pub body: B,
    /// The query.
    pub query: Q,
    /// The caller's idempotency key, if it sent one.
    pub idempotency_key: Option<String>,
    /// What ids are made from under an idempotency key, so that a request that is carried out again, because
    /// the one before it died, finds what that one made.
    pub seed: Option<Ulid>,
    /// The body's media type without parameters, lower case; empty without a body.
    pub media_type: String,
    /// All headers, names in lower case, last value of each.
    pub headers: BTreeMap<String, String>,
    pub(super) path: BTreeMap<String, String>,
}

/// A query without parameters; unknown ones are refused.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

impl<B, Q> Request<B, Q> {
    /// A path parameter as an id or name. What cannot be one does not exist.
    ///
    /// # Errors
    /// 404 when it does not parse.
    pub fn path<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.path.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Problem::not_found(what))
    }

    /// The tenant on whose behalf this runs.
    ///
    /// # Errors
    /// See [`Caller::scope`].
    pub fn scope(&self) -> Result<&TenantScope, Problem> {
        self.caller.scope()
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Reply<T> {
    /// HTTP status.
    pub status: u16,
    /// The document; nothing is written for a 204.
    pub body: T,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
}

impl<T: Serialize> Reply<T> {
    /// 200.
    pub const fn ok(body: T) -> Self {
        Self { status: 200, body, headers: BTreeMap::new() }
    }

    /// 201.
    pub const fn created(body: T) -> Self {
        Self { status: 201, body, headers: BTreeMap::new() }
    }

    /// 202.
    pub const fn accepted(body: T) -> Self {
        Self { status: 202, body, headers: BTreeMap::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

impl Reply<()> {
    /// 204.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: 204, body: (), headers: BTreeMap::new() }
    }
}
