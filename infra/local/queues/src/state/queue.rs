//! One queue: its messages, and where each of them stands.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::Notify;

use super::{
    deduplication::Deduplication,
    groups::{Groups, Standing},
    receive::Attempt,
};
use crate::{message::StoredMessage, settings::Settings};

/// A message and what has happened to it.
pub(crate) struct Message {
    pub(crate) stored: Arc<StoredMessage>,
    pub(crate) receive_count: u32,
    pub(crate) first_received: Option<i64>,
    pub(crate) last_received: i64,
    pub(crate) place: Place,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not on disk yet, so that nobody has been told of it and nobody may see it.
    Unwritten,
    Delayed(i64),
    Ready,
    InFlight(i64),
}

/// What a receiver that found nothing waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) time: Option<i64>,
    pub(crate) position: Option<u64>,
}

/// A queue.
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: i64,
    pub(crate) modified: i64,
    pub(crate) purged: Option<i64>,
    pub(crate) deduplication: Deduplication,
    pub(crate) attempts: HashMap<String, Attempt>,
    /// Told when there may be something to receive.
    pub(crate) changed: Arc<Notify>,
    messages: BTreeMap<u64, Message>,
    bytes: u64,
    unwritten: VecDeque<(u64, u64)>,
    /// Delayed and received messages by when that ends.
    timed: BTreeSet<(i64, u64)>,
    by_age: BTreeSet<(i64, u64)>,
    ready: BTreeSet<u64>,
    groups: Groups,
    delayed: usize,
    in_flight: usize,
}

impl Queue {
    pub(super) fn new(
        name: String,
        settings: Settings,
        tags: BTreeMap<String, String>,
        created: i64,
        modified: i64,
    ) -> Self {
        Self {
            name,
            settings,
            tags,
            created,
            modified,
            purged: None,
            deduplication: Deduplication::default(),
            attempts: HashMap::new(),
            changed: Arc::default(),
            messages: BTreeMap::new(),
            bytes: 0,
            unwritten: VecDeque::new(),
            timed: BTreeSet::new(),
            by_age: BTreeSet::new(),
            ready: BTreeSet::new(),
            groups: Groups::default(),
            delayed: 0,
            in_flight: 0,
        }
    }

    pub(crate) fn message(&self, sequence: u64) -> Option<&Message> {
        self.messages.get(&sequence)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    pub(crate) fn ready_count(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn delayed_count(&self) -> usize {
        self.delayed
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The messages that a consumer may have now, in the order they are to be handed out.
    pub(crate) fn available(&self) -> Box<dyn Iterator<Item = u64> + '_> {
        if self.settings.fifo {
            Box::new(self.groups.available())
        } else {
            Box::new(self.ready.iter().copied())
        }
    }

    /// The name under which a deduplication id is looked up in this queue.
    pub(crate) fn deduplication_key(&self, group: &str, id: &str) -> String {
        Deduplication::key(self.settings.deduplicate_by_group, group, id)
    }

    /// What may bring the next message, if nobody sends one.
    pub(crate) fn due(&self) -> Due {
        Due {
            time: self.timed.first().map(|(time, _)| *time),
            position: self.unwritten.front().map(|(position, _)| *position),
        }
    }

    /// Tells the waiting receivers to look again.
    pub(crate) fn wake(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn change(&mut self, settings: Settings, at: i64) {
        self.settings = settings;
        self.modified = at;
    }

    pub(super) fn purge(&mut self, at: i64) {
        self.messages.clear();
        self.unwritten.clear();
        self.timed.clear();
        self.by_age.clear();
        self.ready.clear();
        self.groups.clear();
        self.attempts.clear();
        (self.bytes, self.delayed, self.in_flight) = (0, 0, 0);
        self.purged = Some(at);
    }

    pub(super) fn insert(&mut self, stored: Arc<StoredMessage>, moved: bool, position: Option<u64>) {
        let sequence = stored.sequence;
        if !moved && self.settings.fifo {
            self.deduplication.insert_message(self.settings.deduplicate_by_group, &stored, position);
        }
        self.by_age.insert((stored.sent, sequence));
        self.bytes += stored.size();
        let message = Message {
            stored,
            receive_count: 0,
            first_received: None,
            last_received: 0,
            place: Place::Unwritten,
        };
        self.in_group(&message, sequence, Standing::Absent, Standing::Waiting);
        self.messages.insert(sequence, message);
        match position {
            Some(position) => self.unwritten.push_back((position, sequence)),
            None => self.written(sequence),
        }
        self.wake();
    }

    pub(super) fn remove(&mut self, sequence: u64) {
        let Some(message) = self.messages.remove(&sequence) else { return };
        self.leave(message.place, sequence);
        self.in_group(&message, sequence, standing(message.place), Standing::Absent);
        self.by_age.remove(&(message.stored.sent, sequence));
        self.bytes -= message.stored.size();
        if self.groups.has_available() {
            self.wake();
        }
    }

    pub(super) fn received(&mut self, sequence: u64, count: u32, first: i64, at: i64, until: i64) {
        if let Some(message) = self.messages.get_mut(&sequence) {
            message.receive_count = count;
            message.first_received = Some(first);
            message.last_received = at;
            self.put(sequence, Place::InFlight(until));
        }
    }

    pub(super) fn hide(&mut self, sequence: u64, until: i64) {
        self.put(sequence, Place::InFlight(until));
        self.wake();
    }

    /// Lets time pass and the disk catch up.
    pub(super) fn advance(&mut self, now: i64, is_durable: impl Fn(u64) -> bool) {
        while let Some((position, sequence)) = self.unwritten.front().copied() {
            if !is_durable(position) {
                break;
            }
            self.unwritten.pop_front();
            self.written(sequence);
        }
        while let Some((time, sequence)) = self.timed.first().copied()
            && time <= now
        {
            self.put(sequence, Place::Ready);
        }
        let retention = self.settings.retention * 1000;
        while let Some((sent, sequence)) = self.by_age.first().copied()
            && sent + retention <= now
        {
            self.remove(sequence);
        }
        self.deduplication.forget(now);
        self.attempts.retain(|_, attempt| !attempt.is_over(now));
    }

    fn written(&mut self, sequence: u64) {
        let Some(message) = self.messages.get(&sequence) else { return };
        let Place::Unwritten = message.place else { return };
        let until = message.stored.delayed_until;
        let place = if until > message.stored.sent { Place::Delayed(until) } else { Place::Ready };
        self.put(sequence, place);
    }

    fn put(&mut self, sequence: u64, place: Place) {
        let Some(message) = self.messages.get_mut(&sequence) else { return };
        let old = std::mem::replace(&mut message.place, place);
        self.leave(old, sequence);
        match place {
            Place::Unwritten => {}
            Place::Delayed(until) => {
                self.delayed += 1;
                self.timed.insert((until, sequence));
            }
            Place::Ready => _ = self.ready.insert(sequence),
            Place::InFlight(until) => {
                self.in_flight += 1;
                self.timed.insert((until, sequence));
            }
        }
        if let Some(group) = self.messages.get(&sequence).and_then(|message| message.stored.group.clone())
            && self.settings.fifo
        {
            self.groups.change(&group, sequence, standing(old), standing(place));
        }
    }

    fn leave(&mut self, place: Place, sequence: u64) {
        match place {
            Place::Unwritten => {}
            Place::Delayed(until) => {
                self.delayed -= 1;
                self.timed.remove(&(until, sequence));
            }
            Place::Ready => _ = self.ready.remove(&sequence),
            Place::InFlight(until) => {
                self.in_flight -= 1;
                self.timed.remove(&(until, sequence));
            }
        }
    }

    // Standard queues take a group too, for fairness between tenants; it orders nothing there.
    fn in_group(&mut self, message: &Message, sequence: u64, from: Standing, to: Standing) {
        if let (true, Some(group)) = (self.settings.fifo, &message.stored.group) {
            self.groups.change(group, sequence, from, to);
        }
    }
}

fn standing(place: Place) -> Standing {
    match place {
        Place::Unwritten | Place::Delayed(_) => Standing::Waiting,
        Place::Ready => Standing::Ready,
        Place::InFlight(_) => Standing::InFlight,
    }
}
