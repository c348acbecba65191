//! Replacing old segments by a snapshot.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use crate::{JournalError, directory::Directory, frame, frame::MAX_PAYLOAD, segment::Header, writer::Shared};

/// A compaction that was begun. Write the records of the snapshot, then [finish](Compaction::finish).
///
/// Dropped unfinished, it changes nothing: the old segments stay.
#[derive(Debug)]
pub struct Compaction {
    directory: Directory,
    shared: Arc<Shared>,
    rotated: Receiver<Result<Header, JournalError>>,
    output: Option<Output>,
    /// The journal's size when the line was drawn.
    size: u64,
}

#[derive(Debug)]
struct Output {
    header: Header,
    file: BufWriter<File>,
    path: PathBuf,
    records: u64,
    frame: Vec<u8>,
}

impl Compaction {
    pub(crate) fn new(
        directory: Directory,
        shared: Arc<Shared>,
        rotated: Receiver<Result<Header, JournalError>>,
    ) -> Self {
        let size = shared.size();
        Self { directory, shared, rotated, output: None, size }
    }

    /// Writes one record of the snapshot.
    pub fn write(&mut self, record: &[u8]) -> Result<(), JournalError> {
        if record.len() > MAX_PAYLOAD {
            return Err(JournalError::TooLarge { size: record.len(), limit: MAX_PAYLOAD });
        }
        let output = self.output()?;
        output.frame.clear();
        frame::write(&mut output.frame, output.records, record);
        output.file.write_all(&output.frame).map_err(JournalError::io("write to", &output.path))?;
        output.records += 1;
        Ok(())
    }

    /// Makes the snapshot durable, then removes what it stands for.
    pub fn finish(mut self) -> Result<(), JournalError> {
        self.output()?;
        let Some(Output { header, mut file, path, records, .. }) = self.output.take() else {
            return Err(JournalError::Closed);
        };
        // The last frame holds the number of records, at the position after them: a snapshot without it is
        // not whole.
        let mut end = Vec::new();
        frame::write(&mut end, !records, &records.to_le_bytes());
        file.write_all(&end).map_err(JournalError::io("write to", &path))?;
        let file =
            file.into_inner().map_err(|error| JournalError::io("write to", &path)(error.into_error()))?;
        file.sync_all().map_err(JournalError::io("flush", &path))?;
        let finished = self.directory.snapshot(header.number);
        fs::rename(&path, &finished).map_err(JournalError::io("rename", &path))?;
        self.directory.sync()?;
        self.directory.remove_before(header.number)?;
        self.shared.compacted(self.size);
        Ok(())
    }

    fn output(&mut self) -> Result<&mut Output, JournalError> {
        let output = match self.output.take() {
            Some(output) => output,
            None => self.create()?,
        };
        Ok(self.output.insert(output))
    }

    fn create(&self) -> Result<Output, JournalError> {
        let header = self.rotated.recv().map_err(|_| JournalError::Closed)??;
        let path = self.directory.unfinished_snapshot(header.number);
        let file = File::create(&path).map_err(JournalError::io("create", &path))?;
        let mut file = BufWriter::with_capacity(1 << 16, file);
        file.write_all(&header.to_bytes()).map_err(JournalError::io("write to", &path))?;
        Ok(Output { header, file, path, records: 0, frame: Vec::new() })
    }
}
