//! Files that are either the old or the new content, never a torn one, and that their owner alone can read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use crate::KeysError;

/// Makes a directory that only its owner enters.
pub(crate) fn make_directory(path: &Path) -> Result<(), KeysError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("created", path))
}

/// Puts `content` where `path` says, durably.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), KeysError> {
    let temporary = path.with_extension("new");
    write_durably(&temporary, content).map_err(failed("written", &temporary))?;
    fs::rename(&temporary, path).map_err(failed("replaced", path))?;
    sync_directory_of(path)
}

/// Removes a file, durably; one that is gone already counts as removed.
pub(crate) fn remove(path: &Path) -> Result<(), KeysError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed("removed", path)(cause)),
        _ => sync_directory_of(path),
    }
}

/// The content of a file, or nothing if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeysError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed("read", path)(cause)),
    }
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |cause| KeysError::Io { action, path, cause }
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    // A leftover of a crash may have been made with other rights: begin from nothing.
    if let Err(cause) = fs::remove_file(path)
        && cause.kind() != io::ErrorKind::NotFound
    {
        return Err(cause);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_directory_of(path: &Path) -> Result<(), KeysError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("flushed", directory))
}
