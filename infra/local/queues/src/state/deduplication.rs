//! Which messages a FIFO queue took in the last five minutes.

use std::collections::{HashMap, VecDeque};

use ring::digest::{SHA256, digest};

use crate::{digest::hex, message::StoredMessage};

const WINDOW: i64 = 5 * 60 * 1000;

/// The message that a duplicate is a duplicate of.
#[derive(Clone)]
pub(crate) struct Original {
    pub(crate) sequence: u64,
    pub(crate) message_id: String,
    pub(crate) at: i64,
    /// Where the journal holds it, if it may not be on disk yet.
    pub(crate) position: Option<u64>,
}

/// The id of a message whose sender gave none: its body's SHA-256.
pub(crate) fn content_id(body: &str) -> String {
    hex(digest(&SHA256, body.as_bytes()).as_ref())
}

/// The deduplication ids in use.
#[derive(Default)]
pub(crate) struct Deduplication {
    originals: HashMap<String, Original>,
    by_age: VecDeque<(i64, String)>,
}

impl Deduplication {
    /// The name under which an id is looked up: alone, or within its group.
    pub(super) fn key(by_group: bool, group: &str, id: &str) -> String {
        if by_group { format!("{group}\n{id}") } else { id.to_owned() }
    }

    /// The message that was taken under this key within the window.
    pub(crate) fn original(&self, key: &str, now: i64) -> Option<&Original> {
        self.originals.get(key).filter(|original| original.at + WINDOW > now)
    }

    pub(crate) fn insert(&mut self, key: String, original: Original) {
        self.by_age.push_back((original.at, key.clone()));
        self.originals.insert(key, original);
    }

    pub(super) fn insert_message(&mut self, by_group: bool, message: &StoredMessage, position: Option<u64>) {
        let (Some(group), Some(id)) = (&message.group, &message.deduplication_id) else { return };
        let original = Original {
            sequence: message.sequence,
            message_id: message.id.clone(),
            at: message.sent,
            position,
        };
        self.insert(Self::key(by_group, group, id), original);
    }

    /// Forgets what is older than the window.
    pub(super) fn forget(&mut self, now: i64) {
        while let Some((at, key)) = self.by_age.front() {
            if at + WINDOW > now {
                return;
            }
            // The same id may have been taken anew since.
            if self.originals.get(key).is_some_and(|original| original.at == *at) {
                self.originals.remove(key);
            }
            self.by_age.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Original)> {
        self.originals.iter()
    }
}
