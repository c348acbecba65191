//! The executions that are in memory: those at work, and those that the archive does not have yet.

mod fresh;
mod slot;
mod timers;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use fresh::{Fresh, Mark, Piece};
pub(crate) use slot::{Absorbed, Note, Slot, State};
pub(crate) use timers::Timers;

const SHARDS: usize = 64;

/// Names of executions in memory: machine and name, with the key.
pub(crate) type NameShard = HashMap<(Arc<str>, Arc<str>), u64>;

/// The slots, found by key and by name.
#[derive(Debug)]
pub(crate) struct Executions {
    slots: Vec<Mutex<HashMap<u64, Arc<Slot>>>>,
    names: Vec<Mutex<NameShard>>,
    hasher: RandomState,
}

impl Executions {
    pub(crate) fn new() -> Self {
        Self {
            slots: (0..SHARDS).map(|_| Mutex::default()).collect(),
            names: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The part of the slots that this key is in, locked.
    pub(crate) fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        lock(&self.slots[key as usize % SHARDS])
    }

    /// The part of the names that this one is in, locked.
    pub(crate) fn names(&self, machine: &str, name: &str) -> MutexGuard<'_, NameShard> {
        lock(&self.names[self.hasher.hash_one((machine, name)) as usize % SHARDS])
    }

    /// Takes a slot in. The caller may hold the name's shard.
    pub(crate) fn insert(&self, names: &mut NameShard, slot: &Arc<Slot>) {
        let profile = &slot.profile;
        names.insert((Arc::clone(&profile.machine), Arc::clone(&profile.name)), profile.key);
        self.shard(profile.key).insert(profile.key, Arc::clone(slot));
    }

    /// Forgets a slot that the archive has, unless someone uses it. `held` is how many references the caller
    /// itself has.
    pub(crate) fn evict(&self, slot: &Arc<Slot>, held: usize) -> bool {
        let profile = &slot.profile;
        // The name goes first and with its shard locked, so that no start can miss both name and archive.
        let mut names = self.names(&profile.machine, &profile.name);
        let mut shard = self.shard(profile.key);
        if Arc::strong_count(slot) > held + 1 {
            return false;
        }
        shard.remove(&profile.key);
        names.remove(&(Arc::clone(&profile.machine), Arc::clone(&profile.name)));
        true
    }

    /// All slots, at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.iter().flat_map(|shard| lock(shard).values().cloned().collect::<Vec<_>>()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.iter().map(|shard| lock(shard).len()).sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
