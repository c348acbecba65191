//! One process at a time has a data directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::HomeError;

/// Holds a data directory until dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the directory and takes it.
    pub(super) fn take(folder: &Path) -> Result<Self, HomeError> {
        let failed = |source| HomeError::Data { path: folder.to_owned(), source };
        // What tenants own is in there: nobody else on the machine reads it.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(HomeError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let held = Lock::take(folder.path()).unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(HomeError::Locked { .. })));
        drop(held);
        Lock::take(folder.path()).unwrap();
    }
}
