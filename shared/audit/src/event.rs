//! What an audit event says: who did what to what, when, how it ended and why it was allowed.

use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use toss_kernel::{
    Principal,
    id::{AuditEventId, ClientId, KeyId, TenantId},
};

/// One audited event, as its writer knows it. Everything but [`AuditEvent::header`] is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Names the event; writing the same id twice is one event.
    pub id: AuditEventId,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done, such as `workflow.create`.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was allowed or denied: the ids of the policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What else is worth knowing, by field name. Never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, serde_json::Value>,
}

/// Who acted, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The tenant in whose log the event stands.
    pub tenant: TenantId,
    /// The name of the principal: a person, a key's owner, or a part of the platform such as `platform/timers`.
    pub principal: String,
    /// On whose behalf, where a key decides for a named person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The client whose credential was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The key that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// The address the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
}

impl Actor {
    /// A caller of the API, acting in the log of `tenant`.
    #[must_use]
    pub fn caller(tenant: TenantId, principal: &Principal, ip: Option<IpAddr>) -> Self {
        Self {
            tenant,
            principal: principal.name.clone(),
            on_behalf_of: None,
            client: principal.client,
            key: principal.key,
            ip,
        }
    }

    /// A part of the platform itself, such as `timers`.
    #[must_use]
    pub fn platform(tenant: TenantId, part: &str) -> Self {
        Self {
            tenant,
            principal: format!("platform/{part}"),
            on_behalf_of: None,
            client: None,
            key: None,
            ip: None,
        }
    }
}

/// What an event was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The kind of thing, such as `workflow`.
    pub kind: String,
    /// Which one.
    pub id: String,
}

/// How an audited action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was allowed and went wrong.
    Failure,
    /// It was not allowed.
    Denied,
}

/// The name of what was done: lower-case words joined by dots, such as `task.decide`.
///
/// It stands in clear in the log's leaves, so it is a name from a short list and never holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(String);

/// A text that is not an action's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is not an action: use lower-case letters, digits, '_' and '-' in words joined by '.', at most 100 characters"
)]
pub struct ActionError {
    given: String,
}

impl Action {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot: the kind of thing acted upon.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The part after the last dot: what was done.
    #[must_use]
    pub fn verb(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        let word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        };
        if text.len() <= 100 && text.split('.').all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ActionError { given: text.chars().take(64).collect() })
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The part of an event that stands in clear: in its item, in its leaf, and in what its encryption is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Whose log.
    pub tenant: TenantId,
    /// Which event.
    pub event: AuditEventId,
    /// What was done.
    pub action: Action,
    /// When, to the millisecond.
    pub time: Timestamp,
}

impl AuditEvent {
    /// The public part.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            tenant: self.actor.tenant,
            event: self.id,
            action: self.action.clone(),
            time: to_millisecond(self.time),
        }
    }
}

/// A time without what stands behind its milliseconds, so that it survives storage unchanged.
fn to_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_lower_case_words_joined_by_dots() {
        for good in ["workflow.create", "task.decide", "audit-log.custom_1", "x"] {
            assert_eq!(good.parse::<Action>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "a.", "A.b", "a b", "a\nb", "workflow..create", &"a".repeat(101)] {
            assert!(bad.parse::<Action>().is_err(), "{bad:?}");
        }
    }
}
