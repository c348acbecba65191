//! `AuditLog`: an author's own event in the tenant's audit log.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_audit::{Action, Actor, AuditEvent, Outcome, Target, Trail, TrailError};
use toss_kernel::{
    activity::{ActivitySpec, ErrorSpec, Idempotency, IdempotencyLevel, RetryClass, Wait},
    id::AuditEventId,
};
use toss_runtime::{
    Activity, ActivityCall, ActivityError, ConfigurationError, Grant, Platform, grant::Table,
};

/// The largest details as JSON: with the rest of the event they must fit into an item.
const LARGEST_DETAILS: usize = 200 * 1024;

/// What the platform itself reports about: an author's event must not look like one of these.
const PLATFORM_SUBJECTS: [&str; 18] = [
    "audit",
    "auth",
    "client",
    "clients",
    "execution",
    "executions",
    "group",
    "key",
    "keys",
    "operator",
    "task",
    "tasks",
    "template",
    "tenant",
    "tenants",
    "user",
    "webhook",
    "workflow",
];

/// Writes an author's own event.
pub struct AuditLog {
    trail: Trail,
}

/// What a step passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// What was done, such as `invoice.paid`: lower-case words joined by dots. It stands in clear in the log.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$"))]
    action: String,
    /// To what it was done. Kept encrypted.
    #[schemars(length(min = 1, max = 512))]
    target: String,
    /// More about it. Kept encrypted.
    #[serde(default)]
    details: BTreeMap<String, Value>,
}

/// What the step's variable is bound to.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Written {
    /// The event's id.
    event_id: AuditEventId,
}

/// Why no event was written.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// The parameters do not make an event.
    #[error("{0}")]
    InvalidParameters(String),
    /// The log does not take it now.
    #[error("The audit log does not take the event now.")]
    Unavailable(#[source] TrailError),
}

impl ActivityError for AuditLogError {
    fn all() -> Vec<ErrorSpec> {
        vec![ErrorSpec {
            name: "Unavailable".into(),
            class: RetryClass::Retryable,
            description: "The audit log does not take the event now.".into(),
        }]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::InvalidParameters(_) => "InvalidParameters",
            Self::Unavailable(_) => "Unavailable",
        }
    }
}

impl Activity for AuditLog {
    const TYPE: &'static str = "AuditLog";
    const GRANTS: &'static [Grant] = &[Grant::Write(Table::Audit), Grant::Seal];
    type Parameters = Parameters;
    type Output = Written;
    type Error = AuditLogError;

    fn describe() -> ActivitySpec {
        ActivitySpec {
            activity_type: Self::TYPE.into(),
            title: "Audit event".into(),
            description:
                "Writes an event of the author's own to the tenant's audit log, where it is encrypted, sealed and provable."
                    .into(),
            parameters: Value::Null,
            result: Value::Null,
            errors: Vec::new(),
            wait: Wait::RequestResponse,
            timeout: "30s".parse().ok(),
            retry: Default::default(),
            idempotency: Idempotency {
                level: IdempotencyLevel::Keyed,
                statement: "The event's id comes from execution, step and entry of the step: a second run writes nothing.".into(),
            },
            meters: vec!["database".into()],
            takes: Vec::new(),
            example: json!({
                "activity": "AuditLog",
                "with": { "action": "invoice.paid", "target": "{% $input.invoice.number %}" },
                "end": true,
            }),
        }
    }

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self { trail: Trail::new(platform)? })
    }

    async fn run(&self, call: ActivityCall, parameters: Parameters) -> Result<Written, AuditLogError> {
        let event = event(&call, parameters).map_err(AuditLogError::InvalidParameters)?;
        self.trail.record(&call.scope, &event).await.map_err(|error| {
            tracing::error!(%error, "the event was not written");
            AuditLogError::Unavailable(error)
        })?;
        Ok(Written { event_id: event.id })
    }
}

fn event(call: &ActivityCall, parameters: Parameters) -> Result<AuditEvent, String> {
    let Parameters { action, target, mut details } = parameters;
    let action: Action =
        action.parse().map_err(|error| format!("The parameter 'action' is not valid: {error}."))?;
    if PLATFORM_SUBJECTS.contains(&action.subject()) {
        return Err(format!(
            "Actions that begin with '{}' are the platform's own. Begin with what your process is about, such as 'invoice.paid'.",
            action.subject()
        ));
    }
    if target.is_empty() || target.chars().count() > 512 {
        return Err("The parameter 'target' must have 1 to 512 characters.".into());
    }
    if serde_json::to_string(&details).map_or(usize::MAX, |text| text.len()) > LARGEST_DETAILS {
        return Err(format!("The parameter 'details' is larger than {LARGEST_DETAILS} bytes."));
    }
    details.insert("execution".into(), json!(call.execution));
    details.insert("step".into(), json!(call.step));
    Ok(AuditEvent {
        id: AuditEventId::from_ulid(call.derived("audit")),
        time: call.entered_at(),
        actor: Actor::platform(call.scope.tenant(), &format!("workflows/{}", call.workflow)),
        action,
        target: Target { kind: "custom".into(), id: target },
        outcome: Outcome::Success,
        reasons: Vec::new(),
        details,
    })
}

#[cfg(test)]
mod tests {
    use toss_runtime::scope::of_platform_record;
    use toss_store::{Store, audit::AuditRecord, testing::Tables};

    use super::*;
    use crate::testing::{invoke, tables_platform};

    #[test]
    fn an_event_is_written_once_however_often_the_step_runs() {
        let platform = tables_platform(&Tables::new());
        let parameters =
            json!({ "action": "invoice.paid", "target": "2026-0412", "details": { "amount": 1e300 } });
        let first = invoke::<AuditLog>(&platform, parameters.clone()).unwrap();
        // As after a crash between the write and the answer.
        assert_eq!(invoke::<AuditLog>(&platform, parameters).unwrap(), first);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scope = of_platform_record("ten_00000000000000000000000001".parse().unwrap());
            let range = AuditRecord::of_tenant(&scope, None, None);
            let mut events = Store::new(&platform).list::<AuditRecord>(range).await.unwrap().items;
            assert_eq!(events.len(), 1);
            let event = Trail::new(&platform).unwrap().open(events.remove(0)).await.unwrap();
            assert_eq!((event.action.as_str(), event.target.id.as_str()), ("invoice.paid", "2026-0412"));
            assert_eq!(event.actor.principal, "platform/workflows/invoice");
        });
    }

    #[test]
    fn what_is_not_an_action_or_looks_like_the_platforms_is_refused() {
        let platform = tables_platform(&Tables::new());
        for (action, target) in [
            ("Invoice Paid", "1"),
            ("task.decide", "1"),
            ("tenant", "1"),
            ("", "1"),
            ("a.b", ""),
            ("a\n", "1"),
        ] {
            let error =
                invoke::<AuditLog>(&platform, json!({ "action": action, "target": target })).unwrap_err();
            assert_eq!(error.error_type, "AuditLog.InvalidParameters", "{action}");
        }
    }
}
