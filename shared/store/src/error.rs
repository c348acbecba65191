//! Errors of the store.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use toss_runtime::{ConfigurationError, api::Problem};

/// Why a read or write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The condition of a write failed: the item exists already, is gone, or has changed since it was read.
    #[error("the item exists already, is gone, or has changed since it was read")]
    Conflict,
    /// A transaction was refused; the places of the writes whose conditions failed, in the order they were added.
    #[error("the transaction was refused: conditions {failed:?} failed")]
    Refused {
        /// Places of the failed conditions.
        failed: Vec<usize>,
    },
    /// Another write to the same items was under way; the same call may succeed at once.
    #[error("another write to the same items was under way")]
    Contention,
    /// A cursor that this query did not give.
    #[error("the cursor does not belong to this list")]
    BadCursor,
    /// An item that is not what its key says.
    #[error("an item of kind {kind} cannot be read")]
    Malformed {
        /// The kind that was expected.
        kind: &'static str,
        /// Why.
        #[source]
        source: serde_dynamo::Error,
    },
    /// DynamoDB did not carry out the call.
    #[error("DynamoDB: {0}")]
    Service(String),
    /// The function was not told a table's name.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

impl StoreError {
    /// Whether the refusal is a failed condition, in a single write or in a transaction.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict | Self::Refused { .. })
    }

    /// Whether the condition of the transaction's write at `place` failed.
    #[must_use]
    pub fn failed_at(&self, place: usize) -> bool {
        matches!(self, Self::Refused { failed } if failed.contains(&place))
    }

    pub(crate) fn from_sdk<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error.code() {
            Some("ConditionalCheckFailedException") => Self::Conflict,
            Some("TransactionConflictException") => Self::Contention,
            _ => Self::Service(DisplayErrorContext(error).to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict | StoreError::Refused { .. } => Self::conflict(
                "conflict",
                "It was changed by another request meanwhile; read it again and repeat.",
            ),
            StoreError::Contention => {
                Self::unavailable("Another request is changing the same thing; try again.")
            }
            StoreError::BadCursor => Self::bad_request(
                "bad-cursor",
                "The cursor is not one that this list gave; start again without it.",
            ),
            error => Self::internal(&error),
        }
    }
}
