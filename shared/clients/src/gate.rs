//! The gate of the API: every request passes it before a handler runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::future::BoxFuture;
use toss_audit::{Action, ActionError, Actor, AuditEvent, Outcome, Target, Trail};
use toss_kernel::{Clock, Ids, Principal, Role, id::AuditEventId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Admission, Attempt, Claim, Credential, Denial, Gate, Problem, ProxyResponse, RouteDescription},
    grant::Table,
    scope,
};
use toss_store::{
    Store,
    clients::ApiKey,
    idempotency::{Claimed, IdempotencyKey},
    tenants::TenantStatus,
};

use crate::{Issuer, OperatorKey, Policy, answers, rate::Limiter, text::hex, usage::Usage};

/// What the gate needs of the world; every function of the API has these grants.
pub const GATE_GRANTS: &[Grant] = &[
    Grant::VerifyOperator,
    Grant::Read(Table::Directory),
    Grant::Read(Table::Limits),
    Grant::Write(Table::Limits),
    Grant::Write(Table::Audit),
    Grant::Seal,
];

/// The gate over the platform's clients.
pub struct ClientGate {
    store: Store,
    operator: OperatorKey,
    issuer: Issuer,
    limiter: Limiter,
    usage: Usage,
    policy: &'static Policy,
    trail: Trail,
    denied: Action,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl ClientGate {
    /// The gate of a function.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        let broken = |reason: String| ConfigurationError::Invalid { name: "_HANDLER", reason };
        let policy = Policy::embedded().map_err(|error| broken(error.to_string()))?;
        let store = Store::new(platform);
        Ok(Self {
            operator: OperatorKey::from_environment(&platform.environment)?,
            issuer: Issuer::new(platform)?,
            limiter: Limiter::new(store.clone(), Arc::clone(&platform.clock)),
            usage: Usage::default(),
            policy,
            trail: Trail::new(platform)?,
            denied: "access.deny".parse().map_err(|error: ActionError| broken(error.to_string()))?,
            clock: Arc::clone(&platform.clock),
            ids: Arc::clone(&platform.ids),
            store,
        })
    }

    async fn holder(&self, bearer: &str) -> Result<Principal, Problem> {
        if self.operator.matches(bearer) {
            return Ok(operator());
        }
        let unknown =
            || Problem::unauthenticated("The key is not one of this platform; check that it is complete.");
        let id = self.issuer.id_of(bearer).ok_or_else(unknown)?;
        // Read each time: a revoked key stops at once, and a read is cheap beside what follows.
        let key = self.store.get::<ApiKey>(&ApiKey::key_of(id)).await?.ok_or_else(unknown)?;
        if !self.issuer.matches(&key, bearer).await? {
            return Err(unknown());
        }
        let now = self.clock.now();
        if key.revoked_at.is_some() {
            return Err(Problem::unauthenticated("The key was revoked; use another."));
        }
        if !key.is_valid(now) {
            return Err(Problem::unauthenticated("The key has expired; ask for another."));
        }
        let scope = scope::of_platform_record(key.tenant);
        let tenant = self.store.tenant(&scope).await?.ok_or_else(unknown)?;
        if !tenant.may_act(now) {
            let (code, detail) = match tenant.status {
                TenantStatus::Closing => ("tenant-closed", "The tenant is closed."),
                _ => (
                    "tenant-suspended",
                    "The tenant is suspended; its administrator should ask the operator.",
                ),
            };
            return Err(Problem::new(403, code, detail));
        }
        self.limiter.learn(key.id, key.rate_policy);
        self.usage.note(&self.store, &key, now).await;
        Ok(Principal {
            tenant: Some(key.tenant),
            client: Some(key.client),
            key: Some(key.id),
            name: key.name,
            roles: key.roles,
            scopes: key.scopes,
        })
    }

    /// The denial stands in the log of the principal's tenant; the operator's only in the function's own log.
    async fn record_denial(&self, denial: Denial<'_>) {
        let principal = denial.principal;
        tracing::warn!(tenant = ?principal.tenant, key = ?principal.key, action = denial.action, "request denied");
        let Some(scope) = scope::of_principal(principal) else { return };
        let event = AuditEvent {
            id: AuditEventId::new(self.ids.as_ref(), self.clock.as_ref()),
            time: self.clock.now(),
            actor: Actor::caller(scope.tenant(), principal, denial.source_ip.parse().ok()),
            action: self.denied.clone(),
            target: Target { kind: "action".to_owned(), id: denial.action.to_owned() },
            outcome: Outcome::Denied,
            reasons: self.policy.decide(principal, denial.action).reasons,
            details: BTreeMap::from([(
                "path".to_owned(),
                denial.path.chars().take(200).collect::<String>().into(),
            )]),
        };
        if let Err(error) = self.trail.record(&scope, &event).await {
            tracing::error!(%error, "a denial is missing from the audit log");
        }
    }

    async fn claimed(&self, attempt: &Attempt<'_>) -> Result<Claim, Problem> {
        let key = idempotency_key(attempt);
        let fingerprint = hex(&attempt.fingerprint);
        let seed = self.ids.next(self.clock.as_ref());
        match self.store.claim(&key, &fingerprint, seed, self.clock.now()).await? {
            Claimed::Fresh(seed) => Ok(Claim::Fresh(seed)),
            Claimed::Answered(sealed) => {
                let answer = answers::open(self.issuer.secrets(), &key, &fingerprint, &sealed).await;
                answer.map(Claim::Answered).map_err(|error| Problem::internal(&error))
            }
            Claimed::Held(_) => Err(Problem::conflict(
                "idempotency-in-progress",
                "A request with this Idempotency-Key is being carried out; repeat in a moment to get its answer.",
            )
            .with_header("Retry-After", "1")),
            Claimed::Mismatch => Err(Problem::new(
                422,
                "idempotency-mismatch",
                "This Idempotency-Key was used for another request; use a new key for each request.",
            )),
        }
    }

    async fn settled(&self, attempt: &Attempt<'_>, response: &ProxyResponse) {
        let key = idempotency_key(attempt);
        let fingerprint = hex(&attempt.fingerprint);
        let kept = if response.status_code < 500 {
            match answers::seal(self.issuer.secrets(), &key, &fingerprint, response).await {
                Ok(sealed) => {
                    self.store.keep_answer(&key, &fingerprint, sealed).await.map_err(|e| e.to_string())
                }
                Err(error) => Err(error.to_string()),
            }
        } else {
            Err("it tells of a failure".to_owned())
        };
        let Err(reason) = kept else { return };
        // The same request, tried again, finds by its seed what this one made.
        tracing::warn!(
            reason,
            status = response.status_code,
            "an answer was not kept under its idempotency key"
        );
        if let Err(error) = self.store.release(&key).await {
            tracing::warn!(%error, "an idempotency key stays held until its time is over");
        }
    }
}

fn operator() -> Principal {
    Principal {
        tenant: None,
        client: None,
        key: None,
        name: "operator".into(),
        roles: BTreeSet::from([Role::Operator]),
        scopes: BTreeSet::new(),
    }
}

fn idempotency_key(attempt: &Attempt<'_>) -> IdempotencyKey {
    match (scope::of_principal(attempt.principal), attempt.principal.client) {
        (Some(scope), Some(client)) => IdempotencyKey::of_client(&scope, client, attempt.key),
        _ => IdempotencyKey::of_operator(attempt.key),
    }
}

impl Gate for ClientGate {
    fn authenticate<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Principal, Problem>> {
        Box::pin(self.holder(credential.bearer.expose()))
    }

    fn admit<'a>(
        &'a self,
        principal: &'a Principal,
        _: &'a RouteDescription,
    ) -> BoxFuture<'a, Result<Admission, Problem>> {
        Box::pin(self.limiter.admit(principal))
    }

    fn authorise(&self, principal: &Principal, action: &'static str) -> Result<(), Problem> {
        if self.policy.decide(principal, action).allowed {
            return Ok(());
        }
        let detail = format!(
            "This key may not do '{action}'; ask an administrator for a key with that role or scope."
        );
        Err(Problem::forbidden(detail).with_member("action", action.into()))
    }

    fn denied<'a>(&'a self, denial: Denial<'a>) -> BoxFuture<'a, ()> {
        Box::pin(self.record_denial(denial))
    }

    fn claim<'a>(&'a self, attempt: &'a Attempt<'a>) -> BoxFuture<'a, Result<Claim, Problem>> {
        Box::pin(self.claimed(attempt))
    }

    fn settle<'a>(&'a self, attempt: &'a Attempt<'a>, response: &'a ProxyResponse) -> BoxFuture<'a, ()> {
        Box::pin(self.settled(attempt, response))
    }
}
