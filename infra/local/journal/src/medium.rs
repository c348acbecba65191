//! What a segment is written to: a file, or in tests something that fails on purpose.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use crate::{JournalError, directory::Directory};

/// A place for bytes that can be made durable.
pub(crate) trait Medium: Send {
    /// Writes all bytes at the offset.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all that was written is on disk.
    fn flush(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Makes the media of new segments.
pub(crate) type MediumFactory = Box<dyn Fn(&Path) -> io::Result<Box<dyn Medium>> + Send>;

/// New files.
pub(crate) fn files() -> MediumFactory {
    Box::new(|path| {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    })
}

/// Creates a segment's medium and makes its name durable.
pub(crate) fn create(
    factory: &MediumFactory,
    directory: &Directory,
    path: &Path,
) -> Result<Box<dyn Medium>, JournalError> {
    let medium = factory(path).map_err(JournalError::io("create", path))?;
    directory.sync()?;
    Ok(medium)
}
