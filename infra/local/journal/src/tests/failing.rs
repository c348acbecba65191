use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::contents;
use crate::{Journal, JournalError, Options, medium::Medium};

/// A file on a disk that is full, or loses a flush, once it is told to.
struct Failing {
    file: std::fs::File,
    full: Arc<AtomicBool>,
    unflushable: Arc<AtomicBool>,
}

impl Medium for Failing {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            // As a real disk does it, part of the write succeeds.
            self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, offset)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unflushable.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk went away"));
        }
        self.file.sync_data()
    }
}

fn failing(folder: &std::path::Path) -> (Journal, Arc<AtomicBool>, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let unflushable = Arc::new(AtomicBool::new(false));
    let (full_too, unflushable_too) = (Arc::clone(&full), Arc::clone(&unflushable));
    let factory = move |path: &std::path::Path| -> io::Result<Box<dyn Medium>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(Failing { file, full: Arc::clone(&full_too), unflushable: Arc::clone(&unflushable_too) }))
    };
    let (journal, _) = Journal::open_on(folder, Options::default(), Box::new(factory)).unwrap();
    (journal, full, unflushable)
}

#[test]
fn a_full_disk_is_told_to_the_caller_and_nothing_is_accepted_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, full, _) = failing(folder.path());
    journal.append(b"kept").wait().unwrap();
    full.store(true, Ordering::SeqCst);
    assert!(matches!(journal.append(b"lost, and torn").wait(), Err(JournalError::Stopped { .. })));
    full.store(false, Ordering::SeqCst);
    assert!(matches!(journal.append(b"too late").wait(), Err(JournalError::Stopped { .. })));
    assert!(matches!(journal.append_lazy(b"too late"), Err(JournalError::Stopped { .. })));
    assert!(matches!(journal.begin_compaction(), Err(JournalError::Stopped { .. })));
    drop(journal);
    let (_journal, recovered) = Journal::open(folder.path(), Options::default()).unwrap();
    let (_, records, cut) = contents(recovered);
    assert_eq!(records, [b"kept"]);
    assert!(cut.is_some());
}

#[test]
fn a_failed_flush_is_never_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _, unflushable) = failing(folder.path());
    unflushable.store(true, Ordering::SeqCst);
    let error = journal.append(b"maybe").wait().unwrap_err();
    assert_eq!(error.code(), "Journal.Stopped");
    unflushable.store(false, Ordering::SeqCst);
    assert!(journal.append(b"never").wait().is_err());
}

#[test]
fn an_awaited_ticket_is_woken_with_the_failure() {
    use std::task::{Context, Poll, Waker};
    let folder = tempfile::tempdir().unwrap();
    let (journal, _, unflushable) = failing(folder.path());
    unflushable.store(true, Ordering::SeqCst);
    let mut ticket = Box::pin(journal.append(b"maybe"));
    let mut context = Context::from_waker(Waker::noop());
    let failed = loop {
        match ticket.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => break outcome.is_err(),
            Poll::Pending => std::thread::yield_now(),
        }
    };
    assert!(failed);
}
