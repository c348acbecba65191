//! Who an execution is.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What an execution knows of itself: the constant part of its context object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionContext {
    /// The execution's ARN (`$$.Execution.Id`).
    pub arn: Arc<str>,
    /// The execution's name.
    pub name: Arc<str>,
    /// The role it runs under.
    pub role: Arc<str>,
    /// When it was started.
    pub start_time: Timestamp,
    /// The state machine's ARN (`$$.StateMachine.Id`).
    pub state_machine_arn: Arc<str>,
    /// The state machine's name.
    pub state_machine_name: Arc<str>,
    /// Whether it is an Express execution: no limit of history events.
    pub express: bool,
    /// The host's own number of the execution, which its task tokens carry ([`crate::token::route`]).
    pub key: u64,
    /// Set for a child execution of a distributed Map.
    pub child: Option<Box<MapChild>>,
}

impl ExecutionContext {
    /// The region in the execution's ARN.
    #[must_use]
    pub fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

/// The distributed Map run that a child execution belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapChild {
    /// The run's ARN.
    pub map_run_arn: Arc<str>,
}

/// The randomness of an execution: 32 bytes from a cryptographic source, as task tokens are made from them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 32 bytes that nobody can guess without the seed, different for each purpose and number.
    pub(crate) fn derive(&self, purpose: &str, number: u64) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.0);
        digest.update(number.to_le_bytes());
        digest.update(purpose.as_bytes());
        digest.finalize().into()
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self, purpose: &str, number: u64) -> String {
        let bytes = self.derive(purpose, number);
        let mut high = u64::from_be_bytes(first_eight(&bytes[..8]));
        let mut low = u64::from_be_bytes(first_eight(&bytes[8..16]));
        high = (high & !0xf000) | 0x4000;
        low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// A double in `0..1`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    pub(crate) fn fraction(&self, purpose: &str, number: u64) -> f64 {
        let bits = u64::from_be_bytes(first_eight(&self.derive(purpose, number)[..8]));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

fn first_eight(bytes: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(bytes) {
        *to = *from;
    }
    eight
}
