//! The checks that KMS makes of a request's members before it looks at any key.

use std::{fmt::Display, ops::RangeInclusive};

use serde::de::DeserializeOwned;
use toss_local_protocol::ServiceError;

use crate::blob::Blob;

/// Reads an operation's input; a call without a body is one without members.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    let body = if body.is_empty() { b"{}" } else { body };
    // The parser's message can quote the body, and bodies here carry plaintext: say only where it went wrong.
    serde_json::from_slice(body).map_err(|cause| {
        ServiceError::serialization(format!(
            "The body is not this operation's input (line {}, column {}).",
            cause.line(),
            cause.column()
        ))
    })
}

/// The member, which must be there.
pub(crate) fn required<T>(value: Option<T>, member: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| violated("null", member, "Member must not be null"))
}

/// A blob that must be there, of a length that the operation takes.
pub(crate) fn blob(
    value: Option<Blob>,
    member: &str,
    length: RangeInclusive<usize>,
) -> Result<Vec<u8>, ServiceError> {
    let bytes = required(value, member)?.0;
    if bytes.len() < *length.start() {
        let rule = format!("Member must have length greater than or equal to {}", length.start());
        return Err(violated("'<bytes>'", member, &rule));
    }
    if bytes.len() > *length.end() {
        let rule = format!("Member must have length less than or equal to {}", length.end());
        return Err(violated("'<bytes>'", member, &rule));
    }
    Ok(bytes)
}

/// A number within bounds.
pub(crate) fn within<T: PartialOrd + Display>(
    value: T,
    member: &str,
    bounds: &RangeInclusive<T>,
) -> Result<T, ServiceError> {
    let rule = if value < *bounds.start() {
        format!("Member must have value greater than or equal to {}", bounds.start())
    } else if value > *bounds.end() {
        format!("Member must have value less than or equal to {}", bounds.end())
    } else {
        return Ok(value);
    };
    Err(violated(&format!("'{value}'"), member, &rule))
}

/// A name out of a fixed set.
pub(crate) fn one_of(value: &str, member: &str, names: &[&str]) -> Result<(), ServiceError> {
    if names.contains(&value) {
        return Ok(());
    }
    let rule = format!("Member must satisfy enum value set: [{}]", names.join(", "));
    Err(violated(&format!("'{}'", excerpt(value)), member, &rule))
}

/// The refusal of a member's value, worded as AWS words it.
pub(crate) fn violated(value: &str, member: &str, rule: &str) -> ServiceError {
    ServiceError::client(
        "ValidationException",
        format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {rule}"
        ),
    )
}

/// A refusal that is no single member's fault.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::client("ValidationException", message)
}

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(128).collect()
}
