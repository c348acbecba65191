//! SQS's errors, by the names that SDKs match on.

use toss_local_protocol::ServiceError;

/// A shape of SQS's model.
pub(crate) fn modelled(shape: &str, message: impl Into<String>) -> ServiceError {
    ServiceError::client(format!("com.amazonaws.sqs#{shape}"), message)
}

pub(crate) fn no_such_queue() -> ServiceError {
    modelled("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(crate) fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::client("com.amazon.coral.service#InvalidParameterValueException", message)
}

/// A value outside a parameter's rule, worded as SQS words it.
pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> ServiceError {
    let value: String = value.to_string().chars().take(128).collect();
    invalid_parameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(crate) fn missing(parameter: &str) -> ServiceError {
    ServiceError::client(
        "com.amazon.coral.service#MissingRequiredParameterException",
        format!("The request must contain the parameter {parameter}."),
    )
}

pub(crate) fn invalid_attribute(name: &str) -> ServiceError {
    modelled("InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
}

pub(crate) fn unknown_attribute(name: &str) -> ServiceError {
    let name: String = name.chars().take(128).collect();
    modelled("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(crate) fn invalid_receipt() -> ServiceError {
    modelled("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

/// The member, which must be there.
pub(crate) fn required<T>(value: Option<T>, parameter: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| missing(parameter))
}

/// The code that the older query protocol gives an error. SQS sends it in the `x-amzn-query-error` header as
/// `<code>;Sender`, and boto3 and other SDKs show it instead of the shape's name.
pub fn query_error_code(code: &str) -> &str {
    let shape = code.rsplit('#').next().unwrap_or(code);
    match shape {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress" => "AWS.SimpleQueueService.PurgeQueueInProgress",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "MissingRequiredParameterException" => "MissingParameter",
        shape => shape,
    }
}
