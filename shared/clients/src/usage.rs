//! When keys were used last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use toss_kernel::id::KeyId;
use toss_store::{
    Store,
    clients::{ApiKey, ApiKeyUse},
};

/// How old what is written may become.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// How many keys a function remembers.
const REMEMBERED: usize = 4096;

/// Notes the use of keys, in one write for each key, function and five minutes.
#[derive(Default)]
pub(crate) struct Usage {
    noted: Mutex<HashMap<KeyId, Timestamp>>,
}

impl Usage {
    /// Notes that a key was used. A use that cannot be written does not keep its request waiting.
    pub(crate) async fn note(&self, store: &Store, key: &ApiKey, now: Timestamp) {
        if !self.is_due(key.id, now) {
            return;
        }
        let note = ApiKeyUse { tenant: key.tenant, id: key.id, last_used_at: now };
        if let Err(error) = store.overwrite(&note).await {
            tracing::warn!(%error, "a key's use was not noted");
        }
    }

    fn is_due(&self, key: KeyId, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key).is_some_and(|at| now.duration_since(*at) < FRESH) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, at| now.duration_since(*at) < FRESH);
        }
        noted.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    #[test]
    fn a_busy_key_is_noted_once_in_five_minutes() {
        let (usage, key) = (Usage::default(), KeyId::from_ulid(Ulid(1)));
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let due = |seconds| usage.is_due(key, start + SignedDuration::from_secs(seconds));
        assert_eq!([0, 1, 299, 300, 301].map(due), [true, false, false, true, false]);
    }
}
