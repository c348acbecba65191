//! Ids: a typed prefix and a ULID, of fixed width, sortable by time of creation.
//!
//! The list at the end is append-only: an id's prefix is part of the public API. The width is fixed because
//! ids are parts of storage keys, where one tenant's prefix must never be the beginning of another's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::Clock;

/// Makes the random part of ids.
pub trait Ids: Send + Sync + 'static {
    /// A new ULID whose time part is the clock's.
    fn next(&self, clock: &dyn Clock) -> Ulid;
}

/// Ids from the operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, clock: &dyn Clock) -> Ulid {
        let milliseconds = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
        Ulid::from_parts(milliseconds, rand::random::<u128>())
    }
}

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is not an id of this kind: it must be '{prefix}_' and 26 characters of Crockford's base 32"
)]
pub struct IdError {
    prefix: &'static str,
    given: String,
}

/// The text after the prefix, if it is a ULID in its one canonical spelling.
fn parse(prefix: &'static str, text: &str) -> Result<Ulid, IdError> {
    let refusal = || IdError { prefix, given: text.chars().take(64).collect() };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(refusal)?;
    let ulid = Ulid::from_string(body).map_err(|_| refusal())?;
    if ulid.to_string() == body { Ok(ulid) } else { Err(refusal()) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id.
            #[must_use]
            pub fn new(ids: &dyn Ids, clock: &dyn Clock) -> Self {
                Self(ids.next(clock))
            }

            /// The id with this ULID, for ids that are derived from others.
            #[must_use]
            pub const fn from_ulid(ulid: Ulid) -> Self {
                Self(ulid)
            }

            /// The ULID without the prefix.
            #[must_use]
            pub const fn ulid(self) -> Ulid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
                })
            }
        }
    )*};
}

ids! {
    /// A company that signed up.
    TenantId = "ten";
    /// An application of a tenant that calls the API.
    ClientId = "cli";
    /// An API key of a client.
    KeyId = "key";
    /// A workflow, over all its versions.
    WorkflowId = "wf";
    /// One run of a workflow.
    ExecutionId = "exe";
    /// A step that waits for a person.
    TaskId = "tsk";
    /// An audited event.
    AuditEventId = "aud";
    /// A webhook endpoint of a tenant.
    WebhookId = "whk";
    /// Something that happened, as webhooks tell it.
    EventId = "evt";
    /// One event on its way to one webhook endpoint.
    DeliveryId = "dlv";
    /// A notice in a person's inbox.
    NoticeId = "ntc";
    /// A person of a tenant.
    UserId = "usr";
    /// One request to the API.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_survives_its_own_text(value: u128) {
            let id = ExecutionId::from_ulid(Ulid(value));
            prop_assert_eq!(id.to_string().parse::<ExecutionId>().unwrap(), id);
            prop_assert_eq!(id.to_string().len(), 30);
        }

        #[test]
        fn no_other_text_is_an_id(text in ".{0,40}") {
            if let Ok(id) = text.parse::<TaskId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let tenant = TenantId::from_ulid(Ulid(u128::MAX / 3)).to_string();
        assert!(tenant.parse::<ClientId>().is_err());
        assert!(tenant.to_lowercase().parse::<TenantId>().is_err());
    }
}
