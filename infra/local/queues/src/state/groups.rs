//! The order within message groups, and which groups are free to be received from.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A FIFO queue's groups. A group is open when its first message is ready and none of its messages is with a
/// consumer: whoever holds one keeps the rest of its group back.
#[derive(Default)]
pub(super) struct Groups {
    groups: HashMap<Arc<str>, Group>,
    /// Open groups by the sequence of their first message.
    open: BTreeMap<u64, Arc<str>>,
}

#[derive(Default)]
struct Group {
    /// Messages that are not with a consumer, and whether they are ready.
    waiting: BTreeMap<u64, bool>,
    in_flight: usize,
    open_at: Option<u64>,
}

/// How a message stands in its group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not in the group.
    Absent,
    /// Delayed, or not on disk yet: it and all behind it wait.
    Waiting,
    Ready,
    InFlight,
}

impl Groups {
    /// Changes how a message stands.
    pub(super) fn change(&mut self, name: &str, sequence: u64, from: Standing, to: Standing) {
        let (name, mut group) =
            self.groups.remove_entry(name).unwrap_or_else(|| (Arc::from(name), Group::default()));
        match from {
            Standing::InFlight => group.in_flight -= 1,
            Standing::Waiting | Standing::Ready => _ = group.waiting.remove(&sequence),
            Standing::Absent => {}
        }
        match to {
            Standing::InFlight => group.in_flight += 1,
            Standing::Waiting | Standing::Ready => {
                group.waiting.insert(sequence, to == Standing::Ready);
            }
            Standing::Absent => {}
        }
        let first = group.waiting.first_key_value().filter(|(_, ready)| **ready);
        let open_at = first.map(|(sequence, _)| *sequence).filter(|_| group.in_flight == 0);
        if open_at != group.open_at {
            if let Some(closed) = group.open_at {
                self.open.remove(&closed);
            }
            if let Some(opened) = open_at {
                self.open.insert(opened, name.clone());
            }
            group.open_at = open_at;
        }
        if !group.waiting.is_empty() || group.in_flight > 0 {
            self.groups.insert(name, group);
        }
    }

    /// The messages that a consumer may have now: group by group, each in its order.
    pub(super) fn available(&self) -> impl Iterator<Item = u64> {
        let groups = self.open.values().filter_map(|name| self.groups.get(name));
        groups.flat_map(|group| {
            group.waiting.iter().take_while(|(_, ready)| **ready).map(|(sequence, _)| *sequence)
        })
    }

    pub(super) fn has_available(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.open.clear();
    }
}
