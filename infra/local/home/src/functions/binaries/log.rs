//! What a function's processes print, in a file that does not grow for ever.

use std::fs::{File, OpenOptions, create_dir_all, rename};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// When a log is set aside for a new one; one old one is kept.
const ROTATE_AT: u64 = 8 * 1024 * 1024;

/// A function's log.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    open: Mutex<Option<(File, u64)>>,
}

impl LogFile {
    /// A log at this path, made when there is something to write.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::default() }
    }

    /// Where the log is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies what a process prints until it ends.
    pub(super) async fn copy(&self, mut output: impl AsyncRead + Unpin) {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = output.read(&mut buffer).await {
            if let Err(error) = self.write(&buffer[..length]) {
                tracing::warn!(path = %self.path.display(), %error, "a function's log cannot be written");
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|(_, size)| *size > ROTATE_AT) {
            *open = None;
            rename(&self.path, self.path.with_extension("log.1"))?;
        }
        if open.is_none() {
            if let Some(folder) = self.path.parent() {
                create_dir_all(folder)?;
            }
            let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            let size = file.metadata()?.len();
            *open = Some((file, size));
        }
        if let Some((file, size)) = open.as_mut() {
            file.write_all(bytes)?;
            *size += bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::new(folder.path().join("logs/tasks.log"));
        let line = vec![b'x'; 1024 * 1024];
        for _ in 0..10 {
            log.write(&line).unwrap();
        }
        let size = |name: &str| std::fs::metadata(folder.path().join("logs").join(name)).unwrap().len();
        assert_eq!(size("tasks.log.1") + size("tasks.log"), 10 * 1024 * 1024);
        assert!(size("tasks.log") < ROTATE_AT);
    }
}
