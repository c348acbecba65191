//! What happens next on the virtual clock.

use std::collections::{BTreeMap, HashMap};

use toss_asl::{Stimulus, TaskId, TimerId, Timestamp};

/// Stimuli to come, by their moment and then in the order they were added.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BTreeMap<(Timestamp, u64), Stimulus>,
    timers: HashMap<TimerId, (Timestamp, u64)>,
    answers: HashMap<TaskId, (Timestamp, u64)>,
    added: u64,
}

impl Agenda {
    pub(super) fn next(&mut self) -> Option<(Timestamp, Stimulus)> {
        self.entries.pop_first().map(|((at, _), stimulus)| (at, stimulus))
    }

    pub(super) fn add(&mut self, at: Timestamp, stimulus: Stimulus) -> (Timestamp, u64) {
        self.added += 1;
        let key = (at, self.added);
        self.entries.insert(key, stimulus);
        key
    }

    pub(super) fn answer(&mut self, at: Timestamp, task: TaskId, stimulus: Stimulus) {
        let key = self.add(at, stimulus);
        self.answers.insert(task, key);
    }

    pub(super) fn forget(&mut self, task: TaskId) {
        if let Some(key) = self.answers.remove(&task) {
            self.entries.remove(&key);
        }
    }

    pub(super) fn set(&mut self, timer: TimerId, at: Timestamp) {
        self.cancel(timer);
        let key = self.add(at, Stimulus::TimerFired { timer });
        self.timers.insert(timer, key);
    }

    pub(super) fn cancel(&mut self, timer: TimerId) {
        if let Some(key) = self.timers.remove(&timer) {
            self.entries.remove(&key);
        }
    }
}
