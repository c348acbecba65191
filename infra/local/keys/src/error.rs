//! What can go wrong between this crate and the machine it runs on.

use std::{io, path::PathBuf};

use crate::{KeySpec, KeyUsage};

/// Why the keys could not be opened, or a key of the template not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file of the key directory could not be read or written.
    #[error(
        "keys.io: {path} could not be {action}: {cause}. Check that the data directory is writable and its disk not full."
    )]
    Io {
        /// What was tried: `read`, `written`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        cause: io::Error,
    },
    /// A key file is not what this crate wrote.
    #[error(
        "keys.damaged: {path} is damaged ({reason}). Restore it from a backup of the data directory, together with root.key."
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without its content.
        reason: String,
    },
    /// There are keys, but not the root key that opens them.
    #[error(
        "keys.no-root: {path} is missing but sealed keys are present. Restore it from a backup; without it no key can be opened."
    )]
    NoRoot {
        /// Where the root key should be.
        path: PathBuf,
    },
    /// The template names a key that exists with another spec or usage.
    #[error(
        "keys.changed: the key '{logical_id}' exists as {found_spec} for {found_usage}. Give the new key another logical id, or use a fresh data directory."
    )]
    Changed {
        /// The key's name in the template.
        logical_id: String,
        /// The spec it was made with.
        found_spec: KeySpec,
        /// The usage it was made for.
        found_usage: KeyUsage,
    },
    /// The template asks for a combination that KMS does not have.
    #[error(
        "keys.mismatch: a key of spec {spec} cannot be used for {usage}. Choose a KeyUsage that the KeySpec allows."
    )]
    Mismatch {
        /// The spec asked for.
        spec: KeySpec,
        /// The usage asked for.
        usage: KeyUsage,
    },
    /// An alias of the template already names another key.
    #[error(
        "keys.alias-taken: {alias} names another key already. Give the alias of the template another name."
    )]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// The system gave no random bytes, or the provider refused material it had just made.
    #[error(
        "keys.crypto: the cryptography provider failed to {action}. Restart; if it stays, the system's random source is broken."
    )]
    Crypto {
        /// What was tried.
        action: &'static str,
    },
}
