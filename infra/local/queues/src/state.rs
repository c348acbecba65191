//! All queues in memory. Every change comes as a [`Record`], live and when the journal is read back, so that
//! both ways end in the same state.

mod deduplication;
mod groups;
mod queue;
mod receive;
mod snapshot;

use std::collections::BTreeMap;

use toss_local_protocol::ServiceError;

pub(crate) use self::{
    deduplication::{Original, content_id},
    queue::{Due, Message, Place, Queue},
    receive::{Reception, Taken},
};
use crate::{record::Record, refusal, settings::Settings};

/// All queues of a home.
#[derive(Default)]
pub(crate) struct State {
    queues: BTreeMap<String, Queue>,
    next_sequence: u64,
}

impl State {
    pub(crate) fn queue(&self, name: &str) -> Result<&Queue, ServiceError> {
        self.queues.get(name).ok_or_else(refusal::no_such_queue)
    }

    pub(crate) fn queue_mut(&mut self, name: &str) -> Result<&mut Queue, ServiceError> {
        self.queues.get_mut(name).ok_or_else(refusal::no_such_queue)
    }

    /// The queues in the order of their names.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&str, &Queue)> {
        self.queues.iter().map(|(name, queue)| (name.as_str(), queue))
    }

    /// The sequence of the next message.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }

    /// Lets time pass and the disk catch up in one queue.
    pub(crate) fn advance(&mut self, name: &str, now: i64, is_durable: impl Fn(u64) -> bool) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.advance(now, is_durable);
        }
    }

    /// Lets time pass and the disk catch up in all queues.
    pub(crate) fn advance_all(&mut self, now: i64, is_durable: impl Fn(u64) -> bool) {
        for queue in self.queues.values_mut() {
            queue.advance(now, &is_durable);
        }
    }

    /// The bytes that all messages hold.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.queues.values().map(Queue::bytes).sum()
    }

    /// Carries a change out. `position` is where the journal holds it, if it may not be on disk yet.
    pub(crate) fn apply(&mut self, record: Record, position: Option<u64>) {
        match record {
            Record::Sequence(sequence) => self.next_sequence = self.next_sequence.max(sequence),
            Record::QueueCreated { queue, attributes, tags, at, modified } => {
                // Attributes were checked before they were written; what a newer version would refuse is
                // dropped rather than the queue.
                let settings =
                    Settings::read(&queue, attributes).or_else(|_| Settings::read(&queue, BTreeMap::new()));
                if let Ok(settings) = settings {
                    self.queues.insert(queue.clone(), Queue::new(queue, settings, tags, at, modified));
                }
            }
            Record::QueueChanged { queue, attributes, at } => {
                let settings = Settings::read(&queue, attributes);
                if let (Ok(settings), Some(queue)) = (settings, self.queues.get_mut(&queue)) {
                    queue.change(settings, at);
                }
            }
            Record::QueueTagged { queue, tags } => self.on(&queue, |queue| queue.tags = tags),
            Record::QueueDeleted { queue } => {
                if let Some(queue) = self.queues.remove(&queue) {
                    queue.wake();
                }
            }
            Record::QueuePurged { queue, at } => self.on(&queue, |queue| queue.purge(at)),
            Record::Sent { queue, message, moved } => {
                self.next_sequence = self.next_sequence.max(message.sequence);
                self.on(&queue, |queue| queue.insert(message, moved, position));
            }
            Record::Deleted { queue, sequence } => self.on(&queue, |queue| queue.remove(sequence)),
            Record::Received { queue, sequence, count, first, at, until } => {
                self.on(&queue, |queue| queue.received(sequence, count, first, at, until));
            }
            Record::VisibilityChanged { queue, sequence, until } => {
                self.on(&queue, |queue| queue.hide(sequence, until));
            }
            Record::Deduplicated { queue, key, sequence, message_id, at } => {
                self.next_sequence = self.next_sequence.max(sequence);
                let original = Original { sequence, message_id, at, position: None };
                self.on(&queue, |queue| queue.deduplication.insert(key, original));
            }
        }
    }

    fn on(&mut self, name: &str, change: impl FnOnce(&mut Queue)) {
        // A message of a queue that was deleted since has nowhere to go: the deletion took it along.
        if let Some(queue) = self.queues.get_mut(name) {
            change(queue);
        }
    }
}
