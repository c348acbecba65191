//! Audit events, envelope encryption, the Merkle log and its proofs.
//!
//! The way of an event: [`AuditEvent`] → sealed under the tenant's data key ([`envelope`]) → one item in the
//! audit table, in the same transaction as the change it tells of → its [`Leaf`] joins the tenant's Merkle log
//! ([`merkle`]) → a signed [`checkpoint`] → a [`proof`] that anyone checks offline with the public key.

pub mod checkpoint;
mod encoding;
pub mod envelope;
mod event;
pub mod keys;
pub mod kms;
mod leaf;
pub mod merkle;
pub mod ocsf;
pub mod proof;
mod sealer;
mod store;
mod trail;

pub use checkpoint::{Checkpoint, LogSigner, Origin, VerifierKey};
pub use envelope::{Binding, DataKey, Sealed, WrappedKey};
pub use event::{Action, ActionError, Actor, AuditEvent, Header, Outcome, Target};
pub use keys::{CacheLimits, DataKeys, Envelope, EnvelopeError, KeyServiceError};
pub use leaf::{Leaf, VERSION_LINE, canonical_time};
pub use proof::{verify_consistency, verify_inclusion};
pub use sealer::{Append, Head, LogError, MAX_BATCH, MerkleLog, SignedHead, plan};
pub use store::{LogStore, ReadError, SealedEvent, StoredEvent, open_event, seal_event};
pub use trail::{Trail, TrailError, envelope as envelope_of, merkle_log};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sealer_tests;
