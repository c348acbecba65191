//! The database's errors, as DynamoDB puts them on the wire.

use dynoxide::DynoxideError;
use serde_json::{Map, Value};
use toss_local_protocol::ServiceError;

/// What a request that does not read is refused with. The database's readers mark their messages with the
/// class of error that DynamoDB answers with.
pub(super) fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let message = error.to_string();
    let (marker, rest) = message.split_once(':').unwrap_or(("", &message));
    match marker {
        "VALIDATION_REQUEST" => DynoxideError::EnvelopedValidation(without_position(rest).to_owned()),
        "VALIDATION" => DynoxideError::ValidationException(without_position(rest).to_owned()),
        "VALIDATION_AS_READ" => DynoxideError::ValidationException(rest.to_owned()),
        "SERIALIZATION" => DynoxideError::SerializationException(without_position(rest).to_owned()),
        "SERIALIZATION_AS_READ" => DynoxideError::SerializationException(rest.to_owned()),
        _ if ["missing field", "unknown variant", "invalid type: null", "Supplied AttributeValue"]
            .iter()
            .any(|known| message.contains(known)) =>
        {
            DynoxideError::ValidationException(without_position(&message).to_owned())
        }
        _ => DynoxideError::SerializationException(message),
    }
}

/// The error of an operation.
pub(super) fn service_error(operation: &str, failure: DynoxideError) -> ServiceError {
    // The single-item writes number their complaints, the other operations do not.
    let failure = match failure {
        DynoxideError::EnvelopedValidation(message)
            if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") =>
        {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        other => other,
    };
    let status = failure.status_code();
    if status >= 500 {
        tracing::error!(operation, %failure, "the tables failed");
        return ServiceError::internal();
    }
    let mut members: Map<String, Value> = serde_json::from_str(&failure.to_json()).unwrap_or_default();
    for written_anyway in ["__type", "message", "Message"] {
        members.remove(written_anyway);
    }
    ServiceError { status, code: failure.error_type().to_owned(), message: failure.to_string(), members }
}

fn without_position(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(end) => &message[..end],
        None => message,
    }
}
