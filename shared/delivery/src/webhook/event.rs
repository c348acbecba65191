//! What webhooks tell: the closed list of event types, and the envelope.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};
use toss_kernel::id::EventId;

macro_rules! event_types {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)*) => {
        /// A kind of event, named `subject.what_happened`. The list is closed: a subscription to anything else
        /// is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// When it is sent, in a sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)* }
            }
        }
    };
}

event_types! {
    /// An execution was started.
    ExecutionStarted = "execution.started";
    /// An execution ended with its output.
    ExecutionSucceeded = "execution.succeeded";
    /// An execution ended with an error.
    ExecutionFailed = "execution.failed";
    /// An execution ran out of its time.
    ExecutionTimedOut = "execution.timed_out";
    /// An execution was cancelled.
    ExecutionCancelled = "execution.cancelled";
    /// A person is asked to decide or do something.
    TaskCreated = "task.created";
    /// A task was decided: approved or rejected.
    TaskDecided = "task.decided";
    /// An assignee passed a task to someone else.
    TaskDelegated = "task.delegated";
    /// A task waited too long and was passed on.
    TaskEscalated = "task.escalated";
    /// A task ran out of its time undecided.
    TaskExpired = "task.expired";
    /// A workflow told people something.
    NotificationSent = "notification.sent";
    /// A workflow, or a new version of one, was created.
    WorkflowCreated = "workflow.created";
    /// A workflow was deleted.
    WorkflowDeleted = "workflow.deleted";
    /// A webhook endpoint was disabled because its deliveries kept failing or it answered 410.
    WebhookDisabled = "webhook.disabled";
    /// A test message, sent on request.
    Ping = "ping";
}

/// A name that no event type has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no event type '{given}'; GET /v1/webhooks/event-types lists them")]
pub struct UnknownEventType {
    given: String,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        let unknown = || UnknownEventType { given: text.chars().take(64).collect() };
        Self::ALL.iter().find(|kind| kind.name() == text).copied().ok_or_else(unknown)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for EventType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Something that happened in a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Names the event, over all endpoints and attempts.
    pub id: EventId,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What there is to tell.
    pub data: Value,
}

impl Event {
    /// The body of its messages: `{"type": …, "timestamp": …, "data": …}`, the same bytes at every attempt.
    #[must_use]
    pub fn body(&self) -> String {
        json!({ "type": self.kind, "timestamp": self.timestamp, "data": self.data }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_name_and_a_sentence() {
        let mut names: Vec<&str> = EventType::ALL.iter().map(|kind| kind.name()).collect();
        for kind in EventType::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert!(kind.description().ends_with('.'), "{kind}");
            assert!(!kind.description().starts_with(' '), "{kind}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventType::ALL.len());
        assert!("execution.exploded".parse::<EventType>().is_err());
    }

    #[test]
    fn the_body_is_the_envelope_of_standard_webhooks() {
        let event = Event {
            id: "evt_00000000000000000000000001".parse().unwrap(),
            kind: EventType::ExecutionSucceeded,
            timestamp: "2026-01-02T03:04:05Z".parse().unwrap(),
            data: json!({ "id": "exe_1" }),
        };
        assert_eq!(
            event.body(),
            r#"{"type":"execution.succeeded","timestamp":"2026-01-02T03:04:05Z","data":{"id":"exe_1"}}"#
        );
    }
}
