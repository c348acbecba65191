//! When a failed delivery is tried again.

use jiff::{SignedDuration, Timestamp};

/// Seconds to wait after each failed attempt: about four days in all, as the specification proposes.
const WAITS: [i64; 9] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/// The number of the last attempt, counting from 1.
pub const LAST_ATTEMPT: u32 = WAITS.len() as u32 + 1;

/// The most that a receiver's `Retry-After` can ask for.
const LONGEST_WAIT: i64 = 24 * 3600;

/// When to try again after the failure of attempt `number` (counting from 1); none after the last.
///
/// `jitter`, from 0 to 1, spreads the attempts of many deliveries that failed at once over a further fifth of
/// the wait. `retry_after` is what the receiver asked for, in seconds; it can only lengthen the wait.
#[must_use]
pub fn next_attempt(number: u32, now: Timestamp, jitter: f64, retry_after: Option<u64>) -> Option<Timestamp> {
    let wait = *WAITS.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
    let asked = retry_after.map_or(0, |seconds| i64::try_from(seconds).unwrap_or(LONGEST_WAIT));
    let wait = SignedDuration::from_secs(wait.max(asked.min(LONGEST_WAIT)));
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    now.checked_add(wait.saturating_add(wait.mul_f64(jitter / 5.0))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_follow_the_schedule_and_end() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut waits = Vec::new();
        for number in 1..=LAST_ATTEMPT {
            let Some(next) = next_attempt(number, now, 0.0, None) else { break };
            waits.push(next.as_second() - now.as_second());
            now = next;
        }
        assert_eq!(waits, WAITS);
        assert_eq!(LAST_ATTEMPT, 10);
        assert_eq!(next_attempt(0, now, 0.0, None), None);
        assert_eq!(next_attempt(u32::MAX, now, 0.0, None), None);
    }

    #[test]
    fn jitter_only_lengthens_and_by_a_fifth_at_most() {
        let at = |jitter| next_attempt(2, Timestamp::UNIX_EPOCH, jitter, None).unwrap().as_second();
        assert_eq!((at(0.0), at(1.0)), (300, 360));
        assert_eq!((at(f64::NAN), at(-7.0), at(9.0)), (300, 300, 360));
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_up_to_a_day() {
        let at = |after| next_attempt(1, Timestamp::UNIX_EPOCH, 0.0, Some(after)).unwrap().as_second();
        assert_eq!((at(1), at(60), at(u64::MAX), at(1_000_000)), (5, 60, 86_400, 86_400));
    }
}
