//! KMS's operations, one module per subject, and the list that finds them by name.

mod aliases;
mod encryption;
mod lifecycle;
mod macs;
mod page;
mod policies;
mod resolve;
mod rotation;
mod signing;
mod tags;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use toss_kernel::Clock;
use toss_local_protocol::ServiceError;

use crate::{KeysError, store::Store};

/// What the operations work on.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Whether an operation changes what is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Change,
}

/// An operation: its name, its effect, and what carries it out.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    name: &'static str,
    pub(crate) effect: Effect,
    body: fn(&Inner, &[u8]) -> Result<Value, ServiceError>,
}

impl Operation {
    const fn reading(name: &'static str, body: fn(&Inner, &[u8]) -> Result<Value, ServiceError>) -> Self {
        Self { name, effect: Effect::None, body }
    }

    const fn changing(name: &'static str, body: fn(&Inner, &[u8]) -> Result<Value, ServiceError>) -> Self {
        Self { name, effect: Effect::Change, body }
    }

    /// Carries the operation out. One without output answers an empty body, as KMS does.
    pub(crate) fn run(&self, inner: &Inner, body: &[u8]) -> Result<Bytes, ServiceError> {
        match (self.body)(inner, body)? {
            Value::Null => Ok(Bytes::new()),
            answer => Ok(answer.to_string().into()),
        }
    }
}

static OPERATIONS: [Operation; 34] = [
    Operation::changing("CancelKeyDeletion", Inner::cancel_key_deletion),
    Operation::changing("CreateAlias", Inner::create_alias),
    Operation::changing("CreateKey", Inner::create_key),
    Operation::reading("Decrypt", Inner::decrypt),
    Operation::changing("DeleteAlias", Inner::delete_alias),
    Operation::reading("DescribeKey", Inner::describe_key),
    Operation::changing("DisableKey", Inner::disable_key),
    Operation::changing("DisableKeyRotation", Inner::disable_key_rotation),
    Operation::changing("EnableKey", Inner::enable_key),
    Operation::changing("EnableKeyRotation", Inner::enable_key_rotation),
    Operation::reading("Encrypt", Inner::encrypt),
    Operation::reading("GenerateDataKey", Inner::generate_data_key),
    Operation::reading("GenerateDataKeyWithoutPlaintext", Inner::generate_data_key_without_plaintext),
    Operation::reading("GenerateMac", Inner::generate_mac),
    Operation::reading("GenerateRandom", Inner::generate_random),
    Operation::reading("GetKeyPolicy", Inner::get_key_policy),
    Operation::reading("GetKeyRotationStatus", Inner::get_key_rotation_status),
    Operation::reading("GetPublicKey", Inner::get_public_key),
    Operation::reading("ListAliases", Inner::list_aliases),
    Operation::reading("ListKeyPolicies", Inner::list_key_policies),
    Operation::reading("ListKeyRotations", Inner::list_key_rotations),
    Operation::reading("ListKeys", Inner::list_keys),
    Operation::reading("ListResourceTags", Inner::list_resource_tags),
    Operation::changing("PutKeyPolicy", Inner::put_key_policy),
    Operation::reading("ReEncrypt", Inner::re_encrypt),
    Operation::changing("RotateKeyOnDemand", Inner::rotate_key_on_demand),
    Operation::changing("ScheduleKeyDeletion", Inner::schedule_key_deletion),
    Operation::reading("Sign", Inner::sign),
    Operation::changing("TagResource", Inner::tag_resource),
    Operation::changing("UntagResource", Inner::untag_resource),
    Operation::changing("UpdateAlias", Inner::update_alias),
    Operation::changing("UpdateKeyDescription", Inner::update_key_description),
    Operation::reading("Verify", Inner::verify),
    Operation::reading("VerifyMac", Inner::verify_mac),
];

/// The operation of this name.
pub(crate) fn find(name: &str) -> Option<Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name).copied()
}

/// The answer to a failure of this service's own; the cause goes to the log.
pub(crate) fn internal() -> ServiceError {
    ServiceError { code: "KMSInternalException".into(), ..ServiceError::internal() }
}

/// Logs what went wrong and answers that something did.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
pub(crate) fn failed(cause: KeysError) -> ServiceError {
    tracing::error!(%cause, "a key operation failed");
    internal()
}

impl Inner {
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}
