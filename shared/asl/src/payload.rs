//! The data that flows between states.

use crate::Value;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A JSON document as text, as a value, or both: each is made from the other when it is first asked for.
/// A clone is a reference count, and data that no state changes keeps the very text it came with, as it
/// does in AWS's histories.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: OnceLock<Box<str>>,
    value: OnceLock<Value>,
}

impl Payload {
    /// A document from its JSON text.
    ///
    /// # Errors
    /// When the text is not one JSON value.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        let value = Value::parse(&text)?;
        Ok(Self(Arc::new(Inner { text: OnceLock::from(text), value: OnceLock::from(value) })))
    }

    /// A document from a value.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        Self(Arc::new(Inner { text: OnceLock::new(), value: OnceLock::from(value) }))
    }

    /// The document as JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| self.0.value.get().unwrap_or(&Value::Null).to_json().into())
    }

    /// The document as a value.
    #[must_use]
    pub fn value(&self) -> &Value {
        // INVARIANT: text without a value was checked to be JSON when it came in.
        self.0
            .value
            .get_or_init(|| Value::parse(self.0.text.get().map_or("", |text| text)).unwrap_or_default())
    }

    /// The document as a `serde_json` value.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.value().into()
    }

    /// How many bytes the JSON text has.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        match (self.0.text.get(), self.0.value.get()) {
            (Some(text), _) => text.len(),
            (None, Some(value)) => value.json_len(),
            (None, None) => 0,
        }
    }

    /// The same document, kept as text alone: the smallest form, for executions that wait long.
    #[must_use]
    pub fn compact(&self) -> Self {
        if self.0.value.get().is_none() {
            return self.clone();
        }
        Self(Arc::new(Inner { text: OnceLock::from(Box::from(self.text())), value: OnceLock::new() }))
    }

    /// Whether both are the same document in memory.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::from_value(value)
    }
}

impl From<serde_json::Value> for Payload {
    fn from(value: serde_json::Value) -> Self {
        Self::from_value(value.into())
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.text() == other.text()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}
