//! The journal as its owner sees it.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    Compaction, JournalError, Recovered, Ticket,
    directory::Directory,
    frame::MAX_PAYLOAD,
    medium::{MediumFactory, files},
    recovery,
    writer::{Shared, Writer},
};

/// How a journal behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment is ended when it holds this many bytes.
    pub segment_size: u64,
    /// How long a lazily appended record may wait for a flush that others need.
    pub linger: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_size: 64 << 20, linger: Duration::from_millis(50) }
    }
}

/// An open journal. Dropping it flushes what was appended and ends its thread.
#[derive(Debug)]
pub struct Journal {
    directory: Directory,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in this directory (made if it is not there), and answers what it held.
    ///
    /// What was recovered is read from disk while it is iterated, so it need not fit in memory; iterate it to
    /// its end before compacting.
    pub fn open(path: &Path, options: Options) -> Result<(Self, Recovered), JournalError> {
        Self::open_on(path, options, files())
    }

    pub(crate) fn open_on(
        path: &Path,
        options: Options,
        factory: MediumFactory,
    ) -> Result<(Self, Recovered), JournalError> {
        let directory = Directory::open(path)?;
        let (recovered, next) = recovery::recover(&directory)?;
        let shared = Arc::new(Shared::new(next.position));
        let writer = Writer::create(directory.clone(), Arc::clone(&shared), options, factory, next)?;
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(JournalError::io("start the writer of", path))?;
        Ok((Self { directory, shared, thread: Some(thread) }, recovered))
    }

    /// Appends a record and asks for a flush. Records are written in the order of these calls.
    pub fn append(&self, payload: &[u8]) -> Ticket {
        match self.enqueue(payload, true) {
            Ok(position) => Ticket::pending(Arc::clone(&self.shared.progress), position),
            Err(error) => Ticket::refused(error),
        }
    }

    /// Appends a record that is written with the next flush that someone needs, or after
    /// [`Options::linger`], and answers its position. A crash before that loses it.
    pub fn append_lazy(&self, payload: &[u8]) -> Result<u64, JournalError> {
        self.enqueue(payload, false)
    }

    /// Resolves when the record at this position, once appended, is on disk.
    pub fn durable(&self, position: u64) -> Ticket {
        Ticket::pending(Arc::clone(&self.shared.progress), position)
    }

    /// Whether the record at this position is on disk.
    pub fn is_durable(&self, position: u64) -> bool {
        position < self.shared.progress.durable()
    }

    /// The position that the next record will have.
    pub fn next_position(&self) -> u64 {
        self.shared.queue().next
    }

    /// The bytes written since the last finished compaction, or since the journal was opened.
    pub fn size(&self) -> u64 {
        self.shared.size()
    }

    /// Replaces everything appended so far by these records.
    ///
    /// The owner must not append while it gathers the records and calls this; where that is too long a
    /// pause, see [`Journal::begin_compaction`].
    pub fn compact<Record: AsRef<[u8]>>(
        &self,
        snapshot: impl IntoIterator<Item = Record>,
    ) -> Result<(), JournalError> {
        let mut compaction = self.begin_compaction()?;
        for record in snapshot {
            compaction.write(record.as_ref())?;
        }
        compaction.finish()
    }

    /// Draws the line for a compaction: the snapshot to be written stands for what was appended before this
    /// call, and what is appended after it is kept. Does not wait for the disk.
    pub fn begin_compaction(&self) -> Result<Compaction, JournalError> {
        let (sender, receiver) = mpsc::channel();
        self.shared.rotate(sender)?;
        Ok(Compaction::new(self.directory.clone(), Arc::clone(&self.shared), receiver))
    }

    fn enqueue(&self, payload: &[u8], urgent: bool) -> Result<u64, JournalError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(JournalError::TooLarge { size: payload.len(), limit: MAX_PAYLOAD });
        }
        self.shared.enqueue(payload, urgent)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's writer ended abnormally");
        }
    }
}
