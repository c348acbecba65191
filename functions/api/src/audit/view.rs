//! An event as the API shows it.

use std::{collections::BTreeMap, net::IpAddr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toss_audit::{AuditEvent, Outcome};
use toss_kernel::id::{AuditEventId, ClientId, KeyId};

use super::scan::Read;

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct AuditActor {
    /// A person, a key's owner, or a part of the platform.
    principal: String,
    /// For whom, where a key decided for a named person.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    ip: Option<IpAddr>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct AuditTarget {
    kind: String,
    id: String,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AuditOutcome {
    Success,
    Failure,
    Denied,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct AuditContent {
    actor: AuditActor,
    target: AuditTarget,
    outcome: AuditOutcome,
    /// The policies that allowed or denied it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct AuditEventView {
    id: AuditEventId,
    time: Timestamp,
    action: String,
    /// Its place in the Merkle log; null until it is sealed.
    place: Option<u64>,
    #[serde(flatten)]
    content: Option<AuditContent>,
    /// Why only its public part is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

impl From<AuditEvent> for AuditContent {
    fn from(event: AuditEvent) -> Self {
        let actor = event.actor;
        Self {
            actor: AuditActor {
                principal: actor.principal,
                on_behalf_of: actor.on_behalf_of,
                client: actor.client,
                key: actor.key,
                ip: actor.ip,
            },
            target: AuditTarget { kind: event.target.kind, id: event.target.id },
            outcome: match event.outcome {
                Outcome::Success => AuditOutcome::Success,
                Outcome::Failure => AuditOutcome::Failure,
                Outcome::Denied => AuditOutcome::Denied,
            },
            reasons: event.reasons,
            details: event.details,
        }
    }
}

impl From<Read> for AuditEventView {
    fn from(read: Read) -> Self {
        let (content, unreadable) = match read.event {
            Ok(event) => (Some(event.into()), None),
            Err(why) => (None, Some(why)),
        };
        Self { id: read.id, time: read.time, action: read.action, place: read.place, content, unreadable }
    }
}
