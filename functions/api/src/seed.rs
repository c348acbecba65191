//! Ids of new things.

use jiff::Timestamp;
use toss_runtime::{Platform, api::Request, derived};
use ulid::Ulid;

/// What the ids of one request's things are made from: the same again when a request under an idempotency key
/// is carried out a second time because the first died, so that it finds what the first made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    ulid: Ulid,
    /// Whether an earlier request may have had it.
    pub(crate) repeatable: bool,
}

impl Seed {
    /// The seed of a request.
    pub(crate) fn of<B, Q>(request: &Request<B, Q>, platform: &Platform) -> Self {
        let fresh = || platform.ids.next(platform.clock.as_ref());
        Self { ulid: request.seed.unwrap_or_else(fresh), repeatable: request.seed.is_some() }
    }

    /// The ULID of the thing that the request makes for `purpose`.
    pub(crate) fn ulid(self, purpose: &str) -> Ulid {
        let milliseconds = i64::try_from(self.ulid.timestamp_ms()).unwrap_or(0);
        let time = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
        derived::ulid(time, &[&self.ulid.to_string(), purpose])
    }
}
