//! What can go wrong between this crate and the machine it runs on.

use toss_local_journal::JournalError;

/// Why the queues could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum QueuesError {
    /// The journal under the queues failed.
    #[error("queues.journal: {0}")]
    Journal(#[from] JournalError),
    /// A record of the journal is not one that this version writes.
    #[error(
        "queues.record: the queues' journal holds a record of another version ({reason}). Start with the version that wrote it, or with a fresh data directory."
    )]
    Record {
        /// What is wrong with it, without its content.
        reason: String,
    },
}
