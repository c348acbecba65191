//! The leaf: the exact bytes that the log commits to for one event.
//!
//! A leaf is seven lines of ASCII, each ended by a newline, so that anyone can recompute it with a text editor
//! and `sha256sum`:
//!
//! ```text
//! toss-audit-leaf/v1
//! tenant ten_01KC…
//! event aud_01KC…
//! action workflow.create
//! time 2026-01-01T00:00:00.000Z
//! key 0123456789abcdef
//! ciphertext sha256:<base64 of the SHA-256 of the stored ciphertext>
//! ```
//!
//! `time` has exactly three decimals and ends in `Z`. `key` is [`crate::WrappedKey::id`]. The log's leaf hash
//! is that of RFC 6962: SHA-256 of the byte 0 and these bytes.
//!
//! INVARIANT: a leaf holds nothing that only a decrypted event would tell, and the ciphertext only as its
//! digest. Destroying a key, or even the ciphertext, leaves every proof valid.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use tlog_tiles::{Hash, record_hash};

use crate::{envelope::Sealed, event::Header};

/// The first line of every leaf.
pub const VERSION_LINE: &str = "toss-audit-leaf/v1";

/// The bytes of one event's leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf(String);

impl Leaf {
    /// The leaf of a sealed event.
    #[must_use]
    pub fn new(header: &Header, sealed: &Sealed) -> Self {
        let Header { tenant, event, action, time } = header;
        let time = canonical_time(*time);
        let key = sealed.key.id();
        let ciphertext = BASE64_STANDARD.encode(digest(&SHA256, &sealed.ciphertext));
        Self(format!(
            "{VERSION_LINE}\ntenant {tenant}\nevent {event}\naction {action}\ntime {time}\nkey {key}\nciphertext sha256:{ciphertext}\n"
        ))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The bytes, which are text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The leaf hash of RFC 6962.
    #[must_use]
    pub fn hash(&self) -> Hash {
        record_hash(self.as_bytes())
    }
}

/// RFC 3339 in UTC with exactly three decimals.
#[must_use]
pub fn canonical_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{envelope::WrappedKey, tests::event};

    #[test]
    fn a_leaf_is_seven_lines_that_anyone_can_write() {
        let sealed = Sealed { key: WrappedKey(b"wrapped".to_vec()), ciphertext: b"ciphertext".to_vec() };
        let leaf = Leaf::new(&event(1, "workflow.create").header(), &sealed);
        // sha256 of "wrapped" and of "ciphertext", by sha256sum and base64.
        assert_eq!(
            leaf.as_str(),
            "toss-audit-leaf/v1\n\
             tenant ten_00000000000000000000000007\n\
             event aud_00000000000000000000000001\n\
             action workflow.create\n\
             time 2026-01-01T00:00:00.000Z\n\
             key adbf45b08ad6468a\n\
             ciphertext sha256:MFUx3MUOvKMc8dWzHp/HbtUfZrO23VoDDGU5rmUy+Xk=\n"
        );
    }

    #[test]
    fn times_have_three_decimals() {
        let time: Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
        assert_eq!(canonical_time(time), "2026-11-22T10:00:00.123Z");
        assert_eq!(canonical_time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
