//! Audit events of handlers.

use std::sync::Arc;

use serde_json::Value;
use toss_audit::{ActionError, Actor, AuditEvent, Outcome, Target, Trail};
use toss_clients::Policy;
use toss_kernel::{Clock, Ids, TenantScope, id::AuditEventId};
use toss_runtime::{
    ConfigurationError, Platform,
    api::{Caller, Problem},
};
use toss_store::audit::AuditRecord;

/// What a handler did.
pub(crate) struct Act<'a> {
    /// The action's name, such as `workflow.create`.
    pub(crate) action: &'static str,
    /// The kind of thing it was done to.
    pub(crate) kind: &'static str,
    /// Which one.
    pub(crate) id: &'a (dyn std::fmt::Display + Sync),
    /// What else is worth knowing.
    pub(crate) details: Vec<(&'static str, Value)>,
}

/// Makes the audit events of a resource.
pub(crate) struct Recorder {
    trail: Trail,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Recorder {
    /// The recorder of a function.
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            trail: Trail::new(platform)?,
            clock: Arc::clone(&platform.clock),
            ids: Arc::clone(&platform.ids),
        })
    }

    /// The item of an event, to be created in the transaction of the change that it tells of.
    pub(crate) async fn of(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        act: Act<'_>,
    ) -> Result<AuditRecord, Problem> {
        let reasons = Policy::embedded()
            .map(|policy| policy.decide(&caller.principal, caller.action).reasons)
            .unwrap_or_default();
        let event = AuditEvent {
            id: AuditEventId::new(self.ids.as_ref(), self.clock.as_ref()),
            time: self.clock.now(),
            actor: Actor::caller(scope.tenant(), &caller.principal, caller.source_ip.parse().ok()),
            action: act.action.parse().map_err(|error: ActionError| Problem::internal(&error))?,
            target: Target { kind: act.kind.to_owned(), id: act.id.to_string() },
            outcome: Outcome::Success,
            reasons,
            details: act.details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        self.trail.prepare(scope, &event).await.map_err(|error| Problem::internal(&error))
    }
}
