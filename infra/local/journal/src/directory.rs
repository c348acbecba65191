//! The journal's directory: its lock, its files, and making their names durable.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::JournalError;

/// A locked directory. The lock goes when the last clone is dropped, or the process dies.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: Option<Arc<File>>,
}

/// The numbers of the files that a directory holds, in order.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) segments: Vec<u64>,
    pub(crate) snapshots: Vec<u64>,
}

impl Directory {
    /// Makes the directory if it is not there, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        fs::create_dir_all(path).map_err(JournalError::io("create", path))?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).map_err(JournalError::io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: Some(Arc::new(lock)) }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: lock_path }),
            Err(TryLockError::Error(error)) => Err(JournalError::io("lock", lock_path)(error)),
        }
    }

    /// The same directory for reading alone: it does not keep the lock.
    pub(crate) fn without_lock(&self) -> Self {
        Self { path: self.path.clone(), _lock: None }
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016x}.log"))
    }

    pub(crate) fn snapshot(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016x}.snapshot"))
    }

    pub(crate) fn unfinished_snapshot(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:016x}.unfinished"))
    }

    /// What lies in the directory. Snapshots that were never finished are removed.
    pub(crate) fn list(&self) -> Result<Listing, JournalError> {
        let mut listing = Listing::default();
        let entries = fs::read_dir(&self.path).map_err(JournalError::io("list", &self.path))?;
        for entry in entries {
            let path = entry.map_err(JournalError::io("list", &self.path))?.path();
            let number = path.file_stem().and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
            match (path.extension().and_then(|extension| extension.to_str()), number) {
                (Some("log"), Some(number)) => listing.segments.push(number),
                (Some("snapshot"), Some(number)) => listing.snapshots.push(number),
                (Some("unfinished"), Some(_)) => self.remove(&path)?,
                _ => {}
            }
        }
        listing.segments.sort_unstable();
        listing.snapshots.sort_unstable();
        Ok(listing)
    }

    /// Removes everything that the snapshot of this number stands for.
    pub(crate) fn remove_before(&self, number: u64) -> Result<(), JournalError> {
        let listing = self.list()?;
        // Oldest first: whatever a crash leaves is then a run without a gap, and goes at the next start.
        for segment in listing.segments.into_iter().filter(|segment| *segment < number) {
            self.remove(&self.segment(segment))?;
        }
        for snapshot in listing.snapshots.into_iter().filter(|snapshot| *snapshot < number) {
            self.remove(&self.snapshot(snapshot))?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), JournalError> {
        fs::remove_file(path).map_err(JournalError::io("remove", path))
    }

    /// Makes created, renamed and removed names durable.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        let directory = File::open(&self.path).map_err(JournalError::io("open", &self.path))?;
        directory.sync_all().map_err(JournalError::io("flush", &self.path))
    }
}
