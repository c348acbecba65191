//! What the data directory keeps of a key, one JSON file each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{KeySpec, KeyUsage};

const DAY_IN_MILLISECONDS: i64 = 24 * 3600 * 1000;

/// A key as stored: everything about it, its material sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) id: String,
    /// The name that the template gives it, if the template made it.
    pub(crate) logical_id: Option<String>,
    pub(crate) spec: KeySpec,
    pub(crate) usage: KeyUsage,
    pub(crate) description: String,
    /// Milliseconds since 1970, as all times here.
    pub(crate) created: i64,
    pub(crate) enabled: bool,
    pub(crate) deletion: Option<Deletion>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policy: Option<String>,
    pub(crate) rotation: Option<RotationSchedule>,
    /// The material in the order it was made; the last is in use, the others only decrypt.
    pub(crate) materials: Vec<MaterialRecord>,
}

/// A deletion that has been asked for.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) at: i64,
    pub(crate) window_in_days: i64,
}

/// Automatic rotation, switched on.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RotationSchedule {
    pub(crate) since: i64,
    pub(crate) period_in_days: i64,
}

/// One piece of key material.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MaterialRecord {
    /// 64 hexadecimal digits; ciphertexts name it.
    pub(crate) id: String,
    pub(crate) made: i64,
    pub(crate) origin: MaterialOrigin,
    /// Sealed under the root key, base64.
    pub(crate) sealed: String,
}

/// Why material was made.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MaterialOrigin {
    Initial,
    Automatic,
    OnDemand,
}

impl KeyRecord {
    pub(crate) fn state(&self) -> &'static str {
        match (&self.deletion, self.enabled) {
            (Some(_), _) => "PendingDeletion",
            (None, true) => "Enabled",
            (None, false) => "Disabled",
        }
    }

    /// Whether the key is past its deletion date, and so no longer there.
    pub(crate) fn is_gone(&self, now: i64) -> bool {
        self.deletion.as_ref().is_some_and(|deletion| deletion.at <= now)
    }

    /// When automatic rotation is due next.
    pub(crate) fn next_rotation(&self) -> Option<i64> {
        let schedule = self.rotation.as_ref()?;
        let last = self
            .materials
            .iter()
            .rev()
            .find(|material| material.origin == MaterialOrigin::Automatic)
            .map_or(schedule.since, |material| material.made.max(schedule.since));
        Some(last + schedule.period_in_days * DAY_IN_MILLISECONDS)
    }
}

/// Days from now, in milliseconds since 1970.
pub(crate) fn days_after(now: i64, days: i64) -> i64 {
    now + days * DAY_IN_MILLISECONDS
}
