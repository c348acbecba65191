//! Errors as the AWS JSON protocols carry them.

use serde_json::{Map, Value, json};

/// An error that a service answers with: an HTTP status, a code and a message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// HTTP status; 400 for what the caller did wrong, 5xx for what the service did.
    pub status: u16,
    /// The error's shape name, such as `ResourceNotFoundException`; it becomes `__type`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// Further members of the error's shape, such as `CancellationReasons`.
    pub members: Map<String, Value>,
}

impl ServiceError {
    /// An error of the caller's making: status 400.
    pub fn client(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), members: Map::new() }
    }

    /// An error of the service's making: status 500, code `InternalFailure`. The cause goes to the log, not here.
    pub fn internal() -> Self {
        Self {
            status: 500,
            code: "InternalFailure".into(),
            message: "The request could not be carried out; the service's log tells why. Try again.".into(),
            members: Map::new(),
        }
    }

    /// The refusal of a body that is not the operation's input.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::client("SerializationException", message)
    }

    /// The refusal of an operation that the service does not have.
    pub fn unknown_operation(operation: &str) -> Self {
        Self::client("UnknownOperationException", format!("The operation '{operation}' is not known."))
    }

    /// The error's JSON body. `message` is written in both spellings that SDKs look for.
    pub fn body(&self) -> Value {
        let mut body = self.members.clone();
        body.insert("__type".into(), json!(self.code));
        body.insert("message".into(), json!(self.message));
        body.insert("Message".into(), json!(self.message));
        Value::Object(body)
    }
}
