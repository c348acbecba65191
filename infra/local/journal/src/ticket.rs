//! Waiting for a record to be on disk.

use std::{
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::JournalError;

/// How far the disk has come, and who waits for it.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Records below this position are on disk.
    durable: AtomicU64,
    waiting: Mutex<Waiting>,
    advanced: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<(u64, Waker)>,
    failure: Option<JournalError>,
}

impl Progress {
    pub(crate) fn new(durable: u64) -> Self {
        Self { durable: AtomicU64::new(durable), waiting: Mutex::default(), advanced: Condvar::new() }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// All records below `position` are on disk.
    pub(crate) fn advance(&self, position: u64) {
        let ready = {
            let mut waiting = self.lock();
            self.durable.store(position, Ordering::Release);
            let mut ready = Vec::with_capacity(waiting.wakers.len());
            waiting.wakers.retain_mut(|(awaited, waker)| {
                let reached = *awaited < position;
                if reached {
                    ready.push(std::mem::replace(waker, Waker::noop().clone()));
                }
                !reached
            });
            ready
        };
        self.advanced.notify_all();
        ready.into_iter().for_each(Waker::wake);
    }

    /// No further record will reach the disk.
    pub(crate) fn fail(&self, error: JournalError) {
        let wakers = {
            let mut waiting = self.lock();
            waiting.failure.get_or_insert(error);
            std::mem::take(&mut waiting.wakers)
        };
        self.advanced.notify_all();
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn outcome(&self, waiting: &Waiting, position: u64) -> Option<Result<u64, JournalError>> {
        if position < self.durable() {
            return Some(Ok(position));
        }
        waiting.failure.clone().map(Err)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves, awaited or [waited](Ticket::wait) for, when a record and all before it are on disk. Dropping it
/// changes nothing: the record is written all the same.
#[derive(Debug)]
#[must_use = "a record is only durable once its ticket resolved"]
pub struct Ticket(State);

#[derive(Debug)]
enum State {
    Pending { progress: Arc<Progress>, position: u64 },
    Refused(JournalError),
}

impl Ticket {
    pub(crate) fn pending(progress: Arc<Progress>, position: u64) -> Self {
        Self(State::Pending { progress, position })
    }

    pub(crate) fn refused(error: JournalError) -> Self {
        Self(State::Refused(error))
    }

    /// The record's position, unless the journal refused it.
    pub fn position(&self) -> Option<u64> {
        match &self.0 {
            State::Pending { position, .. } => Some(*position),
            State::Refused(_) => None,
        }
    }

    /// Blocks the thread until the record is on disk, and answers its position.
    pub fn wait(self) -> Result<u64, JournalError> {
        match self.0 {
            State::Refused(error) => Err(error),
            State::Pending { progress, position } => {
                let mut waiting = progress.lock();
                loop {
                    if let Some(outcome) = progress.outcome(&waiting, position) {
                        return outcome;
                    }
                    waiting = progress.advanced.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl Future for Ticket {
    type Output = Result<u64, JournalError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.0 {
            State::Refused(error) => Poll::Ready(Err(error.clone())),
            State::Pending { progress, position } => {
                if *position < progress.durable() {
                    return Poll::Ready(Ok(*position));
                }
                let mut waiting = progress.lock();
                if let Some(outcome) = progress.outcome(&waiting, *position) {
                    return Poll::Ready(outcome);
                }
                waiting.wakers.push((*position, context.waker().clone()));
                Poll::Pending
            }
        }
    }
}
