//! KMS's own errors, by the names that SDKs match on.

use toss_local_protocol::ServiceError;

use crate::constraint::excerpt;

pub(crate) fn key_not_found(arn: &str) -> ServiceError {
    ServiceError::client("NotFoundException", format!("Key '{}' does not exist", excerpt(arn)))
}

pub(crate) fn alias_not_found(arn: &str) -> ServiceError {
    ServiceError::client("NotFoundException", format!("Alias {} is not found.", excerpt(arn)))
}

pub(crate) fn invalid_key_id(text: &str) -> ServiceError {
    ServiceError::client("NotFoundException", format!("Invalid keyId '{}'", excerpt(text)))
}

pub(crate) fn invalid_arn(text: &str) -> ServiceError {
    ServiceError::client("InvalidArnException", format!("Invalid arn '{}'", excerpt(text)))
}

pub(crate) fn disabled(arn: &str) -> ServiceError {
    ServiceError::client("DisabledException", format!("{arn} is disabled."))
}

pub(crate) fn pending_deletion(arn: &str) -> ServiceError {
    ServiceError::client("KMSInvalidStateException", format!("{arn} is pending deletion."))
}

pub(crate) fn not_pending_deletion(arn: &str) -> ServiceError {
    ServiceError::client("KMSInvalidStateException", format!("{arn} is not pending deletion."))
}

pub(crate) fn wrong_usage(arn: &str, usage: &str, operation: &str) -> ServiceError {
    ServiceError::client(
        "InvalidKeyUsageException",
        format!("{arn} key usage is {usage} which is not valid for {operation}."),
    )
}

pub(crate) fn wrong_algorithm(algorithm: &str, spec: &str) -> ServiceError {
    ServiceError::client(
        "InvalidKeyUsageException",
        format!("Algorithm {algorithm} and key spec {spec} are incompatible."),
    )
}

pub(crate) fn invalid_ciphertext() -> ServiceError {
    ServiceError::client(
        "InvalidCiphertextException",
        "The ciphertext is damaged, was not made by this service, or the encryption context is another one.",
    )
}

pub(crate) fn incorrect_key() -> ServiceError {
    ServiceError::client(
        "IncorrectKeyException",
        "The key ID in the request does not identify the key that encrypted the ciphertext.",
    )
}

pub(crate) fn invalid_signature() -> ServiceError {
    ServiceError::client("KMSInvalidSignatureException", "The signature does not match the message and key.")
}

pub(crate) fn invalid_mac() -> ServiceError {
    ServiceError::client("KMSInvalidMacException", "The MAC does not match the message and key.")
}

pub(crate) fn unsupported(message: impl Into<String>) -> ServiceError {
    ServiceError::client("UnsupportedOperationException", message)
}

pub(crate) fn dry_run() -> ServiceError {
    ServiceError::client(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
}

pub(crate) fn alias_exists(arn: &str) -> ServiceError {
    ServiceError::client("AlreadyExistsException", format!("An alias with the name {arn} already exists"))
}

pub(crate) fn invalid_marker() -> ServiceError {
    ServiceError::client("InvalidMarkerException", "Could not deserialize marker.")
}
