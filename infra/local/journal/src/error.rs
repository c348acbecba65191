//! What can go wrong with a journal.

use std::{io, path::PathBuf, sync::Arc};

/// Why a journal could not be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process has the directory open.
    #[error("{path} is in use by another process; stop it first, or choose another data folder")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("could not {action} {path}: {source}; check the disk's free space and the folder's permissions")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's own error.
        source: Arc<io::Error>,
    },
    /// Records that were promised are missing or damaged.
    #[error("{path} is damaged at byte {offset} ({reason}); restore the folder from a backup")]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// An earlier write failed, and nothing was accepted since.
    #[error("the journal stopped after a failed write ({cause}); free disk space and start again")]
    Stopped {
        /// The failure that stopped it.
        cause: Arc<JournalError>,
    },
    /// The journal was closed while the record waited.
    #[error("the journal is closed; nothing can be appended while the service shuts down")]
    Closed,
    /// A record is larger than the journal takes.
    #[error("a record of {size} bytes is larger than the journal's limit of {limit} bytes; split it")]
    TooLarge {
        /// The record's size.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

impl JournalError {
    /// The error's stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "Journal.Locked",
            Self::Io { .. } => "Journal.Io",
            Self::Damaged { .. } => "Journal.Damaged",
            Self::Stopped { .. } => "Journal.Stopped",
            Self::Closed => "Journal.Closed",
            Self::TooLarge { .. } => "Journal.TooLarge",
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: Arc::new(source) }
    }
}
