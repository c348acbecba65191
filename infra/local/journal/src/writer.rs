//! The thread that writes, and the queue before it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    time::Instant,
};

use crate::{
    JournalError, Options,
    directory::Directory,
    frame,
    medium::MediumFactory,
    segment::{Header, SegmentWriter},
    ticket::Progress,
};

/// Told when a new segment was begun for a compaction.
pub(crate) type Rotated = Sender<Result<Header, JournalError>>;

/// Frames that are written and flushed together.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The position after the last record.
    end: u64,
    /// The batch begins a segment of its own, and this is told.
    rotated: Option<Rotated>,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The position that the next record gets.
    pub(crate) next: u64,
    batches: VecDeque<Batch>,
    urgent: bool,
    /// When the oldest record that nobody waits for was appended.
    lazy_since: Option<Instant>,
    refusal: Option<JournalError>,
    closed: bool,
    spare: Vec<u8>,
}

impl Queue {
    fn last_batch(&mut self) -> &mut Batch {
        if self.batches.is_empty() {
            let bytes = std::mem::take(&mut self.spare);
            self.batches.push_back(Batch { bytes, end: self.next, rotated: None });
        }
        let last = self.batches.len() - 1;
        &mut self.batches[last]
    }
}

/// What the journal's handle and its thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    pub(crate) progress: Arc<Progress>,
    written: AtomicU64,
}

impl Shared {
    pub(crate) fn new(next: u64) -> Self {
        Self {
            queue: Mutex::new(Queue { next, ..Queue::default() }),
            work: Condvar::new(),
            progress: Arc::new(Progress::new(next)),
            written: AtomicU64::new(0),
        }
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enqueue(&self, payload: &[u8], urgent: bool) -> Result<u64, JournalError> {
        let mut queue = self.queue();
        if let Some(refusal) = &queue.refusal {
            return Err(refusal.clone());
        }
        let position = queue.next;
        queue.next += 1;
        let batch = queue.last_batch();
        frame::write(&mut batch.bytes, position, payload);
        batch.end = position + 1;
        // The writer is woken for the first that needs it; later ones find it awake.
        let wake = if urgent {
            !std::mem::replace(&mut queue.urgent, true)
        } else {
            let first = queue.lazy_since.is_none();
            queue.lazy_since.get_or_insert_with(Instant::now);
            first
        };
        drop(queue);
        if wake {
            self.work.notify_one();
        }
        Ok(position)
    }

    pub(crate) fn rotate(&self, rotated: Rotated) -> Result<(), JournalError> {
        let mut queue = self.queue();
        if let Some(refusal) = &queue.refusal {
            return Err(refusal.clone());
        }
        let end = queue.next;
        queue.batches.push_back(Batch { bytes: Vec::new(), end, rotated: Some(rotated) });
        queue.urgent = true;
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        queue.refusal.get_or_insert(JournalError::Closed);
        drop(queue);
        self.work.notify_one();
    }

    pub(crate) fn size(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn compacted(&self, bytes: u64) {
        self.written.fetch_sub(bytes.min(self.size()), Ordering::Relaxed);
    }
}

/// The writing thread's own state.
pub(crate) struct Writer {
    directory: Directory,
    shared: Arc<Shared>,
    options: Options,
    factory: MediumFactory,
    segment: SegmentWriter,
}

impl Writer {
    /// Begins the first segment of this run.
    pub(crate) fn create(
        directory: Directory,
        shared: Arc<Shared>,
        options: Options,
        factory: MediumFactory,
        next: Header,
    ) -> Result<Self, JournalError> {
        let segment = SegmentWriter::create(&factory, &directory, next)?;
        Ok(Self { directory, shared, options, factory, segment })
    }

    /// Writes until the journal is closed or a write fails.
    pub(crate) fn run(mut self) {
        while let Some(batches) = self.next_batches() {
            for batch in batches {
                if let Err(error) = self.write(batch) {
                    tracing::error!(%error, "the journal stops: a write failed");
                    self.stop(error);
                    return;
                }
            }
        }
        self.shared.progress.fail(JournalError::Closed);
    }

    /// Waits for work; `None` when the journal is closed and nothing is left.
    fn next_batches(&self) -> Option<VecDeque<Batch>> {
        let mut queue = self.shared.queue();
        loop {
            let lazy_wait = queue
                .lazy_since
                .map(|since| (since + self.options.linger).saturating_duration_since(Instant::now()));
            if queue.urgent || queue.closed || lazy_wait.is_some_and(|wait| wait.is_zero()) {
                queue.urgent = false;
                queue.lazy_since = None;
                let batches = std::mem::take(&mut queue.batches);
                return (!batches.is_empty() || !queue.closed).then_some(batches);
            }
            let work = &self.shared.work;
            queue = match lazy_wait {
                Some(wait) => work.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn write(&mut self, mut batch: Batch) -> Result<(), JournalError> {
        let begun = batch.rotated.is_some() || self.segment.size() >= self.options.segment_size;
        if begun {
            let header =
                Header { number: self.segment.number() + 1, position: self.shared.progress.durable() };
            let segment = SegmentWriter::create(&self.factory, &self.directory, header);
            if let Some(rotated) = batch.rotated.take() {
                let outcome = segment.as_ref().map(|_| header).map_err(Clone::clone);
                // Whoever asked may have given up meanwhile.
                rotated.send(outcome).ok();
            }
            self.segment = segment?;
        }
        if !batch.bytes.is_empty() {
            self.segment.write(&batch.bytes)?;
            self.segment.flush()?;
            self.shared.written.fetch_add(batch.bytes.len() as u64, Ordering::Relaxed);
            self.shared.progress.advance(batch.end);
        }
        batch.bytes.clear();
        let mut queue = self.shared.queue();
        if queue.spare.capacity() == 0 && batch.bytes.capacity() <= 4 << 20 {
            queue.spare = batch.bytes;
        }
        Ok(())
    }

    fn stop(self, error: JournalError) {
        let refusal = JournalError::Stopped { cause: Arc::new(error) };
        {
            let mut queue = self.shared.queue();
            queue.refusal = Some(refusal.clone());
            queue.batches.clear();
        }
        self.shared.progress.fail(refusal);
    }
}
