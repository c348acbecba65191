//! Rate limits: GCRA with a burst, in blocks.
//!
//! The counter stands in the limits table. A function takes a block of requests with one conditional write and
//! spends it in memory; blocks grow while they are used up quickly and are single requests otherwise, so that a
//! slow caller is counted exactly and a fast one costs a write in up to 32 requests. What a function holds and
//! does not use within a second is lost to the caller: a limit is never exceeded, and at most one block for
//! each function is refused early. A refusal is remembered until the counter has room again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use toss_kernel::{Clock, Principal, id::KeyId};
use toss_runtime::{
    api::{Admission, Problem},
    scope,
};
use toss_store::{
    Store,
    clients::RatePolicy,
    limits::{Gcra, Taken, rate_key},
};

/// What a key may do when its client has no policy of its own.
pub const DEFAULT_POLICY: RatePolicy = RatePolicy { rate: 500, burst: 1000 };
/// The highest rate and burst that a policy may name.
pub const MAX_RATE: u32 = 100_000;

const MAX_BLOCK: u32 = 32;
const LEASE: SignedDuration = SignedDuration::from_secs(1);
/// How many keys a function remembers.
const REMEMBERED: usize = 4096;

#[derive(Clone, Copy)]
struct Lease {
    policy: RatePolicy,
    left: u32,
    block: u32,
    taken_at: Timestamp,
    tat: i64,
    refused_until: Option<Timestamp>,
}

/// The limits of keys, as far as this function has met them. The operator's has no id.
pub(crate) struct Limiter {
    store: Store,
    clock: Arc<dyn Clock>,
    leases: Mutex<HashMap<Option<KeyId>, Lease>>,
}

impl Limiter {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, leases: Mutex::default() }
    }

    /// Notes the policy that a key was found with.
    pub(crate) fn learn(&self, key: KeyId, policy: Option<RatePolicy>) {
        let policy = policy.unwrap_or(DEFAULT_POLICY);
        let mut leases = self.leases();
        let lease = leases.entry(Some(key)).or_insert_with(|| Lease::new(policy));
        if lease.policy != policy {
            *lease = Lease::new(policy);
        }
    }

    /// Counts one request of the principal.
    pub(crate) async fn admit(&self, principal: &Principal) -> Result<Admission, Problem> {
        let now = self.clock.now();
        let holder = principal.key;
        let (policy, block) = {
            let mut leases = self.leases();
            make_room(&mut leases, now);
            let lease = leases.entry(holder).or_insert_with(|| Lease::new(DEFAULT_POLICY));
            if lease.refused_until.is_some_and(|until| now < until) {
                return Err(lease.refusal(now));
            }
            if lease.left > 0 && now.duration_since(lease.taken_at) < LEASE {
                lease.left -= 1;
                return Ok(Admission { headers: lease.headers(now) });
            }
            (lease.policy, lease.next_block(now))
        };
        let limit = gcra(policy);
        let scope = scope::of_principal(principal);
        let counter = rate_key(scope.as_ref().zip(principal.key));
        let mut cells = block;
        let mut taken = self.store.take_cells(&counter, limit, cells, now).await?;
        if cells > 1 && matches!(taken, Taken::Refused(_)) {
            cells = 1;
            taken = self.store.take_cells(&counter, limit, cells, now).await?;
        }
        let mut lease = Lease { block: cells, taken_at: now, ..Lease::new(policy) };
        match taken {
            Taken::Granted(tat) => {
                lease.left = cells - 1;
                lease.tat = tat;
                self.leases().insert(holder, lease);
                Ok(Admission { headers: lease.headers(now) })
            }
            Taken::Refused(tat) => {
                lease.tat = tat;
                let room = tat.saturating_add(limit.interval).saturating_sub(limit.tolerance);
                lease.refused_until = Timestamp::from_microsecond(room).ok();
                self.leases().insert(holder, lease);
                Err(lease.refusal(now))
            }
        }
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<Option<KeyId>, Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(leases: &mut HashMap<Option<KeyId>, Lease>, now: Timestamp) {
    if leases.len() >= REMEMBERED {
        leases.retain(|_, lease| now.duration_since(lease.taken_at) < LEASE);
    }
}

fn gcra(policy: RatePolicy) -> Gcra {
    let interval = (1_000_000 / i64::from(policy.rate.max(1))).max(1);
    Gcra { interval, tolerance: interval.saturating_mul(i64::from(policy.burst.max(1))) }
}

impl Lease {
    fn new(policy: RatePolicy) -> Self {
        let never = Timestamp::UNIX_EPOCH;
        Self { policy, left: 0, block: 0, taken_at: never, tat: 0, refused_until: None }
    }

    /// Twice the last block when that was used up in its time, never more than a sixteenth of the burst.
    fn next_block(&self, now: Timestamp) -> u32 {
        if self.block == 0 || self.left > 0 || now.duration_since(self.taken_at) >= LEASE {
            return 1;
        }
        (self.block * 2).min(MAX_BLOCK).min((self.policy.burst / 16).max(1))
    }

    fn headers(&self, now: Timestamp) -> BTreeMap<String, String> {
        let limit = gcra(self.policy);
        let now = now.as_microsecond();
        let room = now.saturating_add(limit.tolerance).saturating_sub(self.tat.max(now)) / limit.interval;
        let remaining = room.max(0) + i64::from(self.left);
        let reset = self.tat.saturating_sub(now).max(0).div_ceil_to_seconds();
        let window = limit.tolerance.div_ceil_to_seconds().max(1);
        BTreeMap::from([
            ("RateLimit-Policy".to_owned(), format!("\"key\";q={};w={window}", self.policy.burst)),
            ("RateLimit".to_owned(), format!("\"key\";r={remaining};t={reset}")),
        ])
    }

    fn refusal(&self, now: Timestamp) -> Problem {
        let wait = self.refused_until.map_or(SignedDuration::ZERO, |until| until.duration_since(now));
        let seconds = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX).div_ceil_to_seconds().max(1);
        let detail = format!(
            "This key has used up its {} requests a second; wait {seconds} s and try again.",
            self.policy.rate
        );
        let mut problem =
            Problem::new(429, "rate-limited", detail).with_header("Retry-After", seconds.to_string());
        problem.headers.extend(self.headers(now));
        problem
    }
}

trait Microseconds {
    /// Whole seconds, rounded up.
    fn div_ceil_to_seconds(self) -> i64;
}

impl Microseconds for i64 {
    fn div_ceil_to_seconds(self) -> i64 {
        self / 1_000_000 + Self::from(self % 1_000_000 > 0)
    }
}

#[cfg(test)]
mod tests {
    use toss_kernel::ManualClock;
    use toss_store::testing::Tables;
    use ulid::Ulid;

    use super::*;

    fn principal(key: u128) -> Principal {
        Principal {
            tenant: Some(toss_kernel::id::TenantId::from_ulid(Ulid(1))),
            client: None,
            key: Some(KeyId::from_ulid(Ulid(key))),
            name: "k".into(),
            roles: Default::default(),
            scopes: Default::default(),
        }
    }

    fn limiter(tables: &Tables, policy: RatePolicy) -> (Limiter, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let limiter = Limiter::new(tables.store(), Arc::<ManualClock>::clone(&clock));
        limiter.learn(KeyId::from_ulid(Ulid(1)), Some(policy));
        (limiter, clock)
    }

    #[tokio::test]
    async fn a_burst_is_admitted_then_refused_with_the_time_to_wait() {
        let (limiter, clock) = limiter(&Tables::new(), RatePolicy { rate: 2, burst: 5 });
        for left in (0..5).rev() {
            let admission = limiter.admit(&principal(1)).await.unwrap();
            assert!(admission.headers["RateLimit"].starts_with(&format!("\"key\";r={left};")));
        }
        let refusal = limiter.admit(&principal(1)).await.unwrap_err();
        assert_eq!((refusal.status, refusal.headers["Retry-After"].as_str()), (429, "1"));
        clock.advance(SignedDuration::from_millis(500));
        limiter.admit(&principal(1)).await.unwrap();
        assert_eq!(limiter.admit(&principal(1)).await.unwrap_err().status, 429);
        limiter.admit(&principal(2)).await.unwrap();
    }

    #[tokio::test]
    async fn two_functions_together_never_exceed_the_burst() {
        let tables = Tables::new();
        let policy = RatePolicy { rate: 1, burst: 200 };
        let ((one, _), (other, _)) = (limiter(&tables, policy), limiter(&tables, policy));
        let mut admitted = 0;
        for _ in 0..300 {
            for limiter in [&one, &other] {
                admitted += u32::from(limiter.admit(&principal(1)).await.is_ok());
            }
        }
        assert!((168..=200).contains(&admitted), "{admitted}");
    }
}
