//! Ids made from what they name, so that whatever is done again finds what was done before.

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use ulid::Ulid;

/// The ULID of the thing that `parts` name together: its time is `time` to the millisecond, its other 80 bits
/// are from the SHA-256 of the parts, each after its length.
#[must_use]
pub fn ulid(time: Timestamp, parts: &[&str]) -> Ulid {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut random = [0; 16];
    if let Some(bytes) = context.finish().as_ref().get(..16) {
        random.copy_from_slice(bytes);
    }
    Ulid::from_parts(u64::try_from(time.as_millisecond()).unwrap_or(0), u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_at_the_same_time_are_the_same_thing_and_no_others() {
        let time = Timestamp::from_millisecond(1_767_225_600_123).unwrap();
        let id = ulid(time, &["exe_1", "pay"]);
        assert_eq!(id, ulid(time, &["exe_1", "pay"]));
        assert_eq!(id.timestamp_ms(), 1_767_225_600_123);
        assert_ne!(id, ulid(time, &["exe_1p", "ay"]));
        assert_ne!(id, ulid(Timestamp::UNIX_EPOCH, &["exe_1", "pay"]));
    }
}
