//! All timers of all executions, in one ordered set: a waiting execution costs no task.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use toss_asl::TimerId;

/// When which execution wants to be woken.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: Mutex<BTreeSet<(i64, u64, TimerId)>>,
    /// Told when the earliest moment changed.
    pub(crate) earlier: Notify,
}

impl Timers {
    pub(crate) fn set(&self, key: u64, timer: TimerId, at: i64) {
        let mut due = self.lock();
        due.insert((at, key, timer));
        let first = due.first() == Some(&(at, key, timer));
        drop(due);
        if first {
            self.earlier.notify_one();
        }
    }

    pub(crate) fn cancel(&self, key: u64, timer: TimerId, at: i64) {
        self.lock().remove(&(at, key, timer));
    }

    /// Takes up to `limit` timers whose moment has come.
    pub(crate) fn take_due(&self, now: i64, limit: usize) -> Vec<(u64, TimerId)> {
        let mut due = self.lock();
        let mut taken = Vec::new();
        while taken.len() < limit {
            match due.first() {
                Some((at, key, timer)) if *at <= now => taken.push((*key, *timer)),
                _ => break,
            }
            due.pop_first();
        }
        taken
    }

    pub(crate) fn next(&self) -> Option<i64> {
        self.lock().first().map(|(at, _, _)| *at)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(i64, u64, TimerId)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
