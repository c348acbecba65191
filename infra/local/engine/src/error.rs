//! What keeps the engine from starting or going on.

use std::path::PathBuf;

use toss_local_journal::JournalError;

/// Why the engine could not be opened or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The archive of executions could not be read or written.
    #[error(
        "the archive of executions could not be used: {0}; check the disk, or restore the folder from a backup"
    )]
    Archive(#[from] rusqlite::Error),
    /// The folder could not be made.
    #[error("could not create {path}: {source}; choose a folder that can be written")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A record is of no form that this version knows.
    #[error("a stored {what} cannot be read: {reason}; open the folder with the version that wrote it")]
    Unreadable {
        /// What was being read.
        what: &'static str,
        /// The reason.
        reason: String,
    },
    /// The engine is shutting down.
    #[error("the engine is shutting down; start it again")]
    Closed,
}

impl EngineError {
    /// The error's stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Journal(error) => error.code(),
            Self::Archive(_) => "Engine.Archive",
            Self::Folder { .. } => "Engine.Folder",
            Self::Unreadable { .. } => "Engine.Unreadable",
            Self::Closed => "Engine.Closed",
        }
    }
}
