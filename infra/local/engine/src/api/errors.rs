//! AWS's errors, in its words.

use toss_local_protocol::ServiceError;

use crate::EngineError;

/// The service could not carry the request out; why is told in the log.
pub(super) fn internal(error: impl Into<EngineError>) -> ServiceError {
    let error = error.into();
    tracing::error!(code = error.code(), %error, "a request to Step Functions failed");
    ServiceError::internal()
}

pub(super) fn no_machine(arn: &str) -> ServiceError {
    ServiceError::client("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{arn}'"))
}

pub(super) fn no_execution(arn: &str) -> ServiceError {
    ServiceError::client("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
}

pub(super) fn no_activity(arn: &str) -> ServiceError {
    ServiceError::client("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
}

pub(super) fn no_resource(arn: &str) -> ServiceError {
    let mut error = ServiceError::client("ResourceNotFound", format!("Resource not found: '{arn}'"));
    error.members.insert("resourceName".into(), arn.into());
    error
}

pub(super) fn invalid_arn(message: impl Into<String>) -> ServiceError {
    ServiceError::client("InvalidArn", message)
}

/// The ARN names another kind of thing than the operation takes.
pub(super) fn wrong_kind(arn: &str) -> ServiceError {
    let kind = arn.split(':').nth(5).unwrap_or_default();
    invalid_arn(format!("Invalid Arn: 'Resource type not valid in this context: {kind}'"))
}

pub(super) fn invalid_token() -> ServiceError {
    ServiceError::client("InvalidToken", "Invalid Token: 'Invalid token'")
}

pub(super) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::client("ValidationException", message)
}

pub(super) fn conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::client("ConflictException", message)
}
