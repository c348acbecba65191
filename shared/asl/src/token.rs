//! Task tokens.

use crate::{Seed, TaskId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const VERSION: u8 = 1;
const SECRET_BYTES: usize = 24;

/// The token of a task: the execution's key, the task's number, and a secret from the seed.
pub(crate) fn make(seed: &Seed, key: u64, task: TaskId) -> String {
    let mut bytes = Vec::with_capacity(13 + SECRET_BYTES);
    bytes.push(VERSION);
    bytes.extend(key.to_be_bytes());
    bytes.extend(task.0.to_be_bytes());
    bytes.extend(&seed.derive("token", u64::from(task.0))[..SECRET_BYTES]);
    STANDARD.encode(bytes)
}

/// The execution key and task that a token names, or `None` for what is no token. The token may still be false:
/// [`crate::Execution::holds_token`] tells.
#[must_use]
pub fn route(token: &str) -> Option<(u64, TaskId)> {
    let bytes = STANDARD.decode(token).ok()?;
    if bytes.len() != 13 + SECRET_BYTES || bytes.first() != Some(&VERSION) {
        return None;
    }
    let key = bytes.get(1..9)?.try_into().map(u64::from_be_bytes).ok()?;
    let task = bytes.get(9..13)?.try_into().map(u32::from_be_bytes).ok()?;
    Some((key, TaskId(task)))
}
