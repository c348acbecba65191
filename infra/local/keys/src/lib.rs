//! KMS, embedded and durable.
//!
//! [`Keys`] holds the keys of one home. It speaks KMS's JSON protocol through
//! [`JsonService`](toss_local_protocol::JsonService), so that the AWS SDKs, boto3 and the AWS CLI use it as they
//! use KMS, and gives the home a typed way to make the keys that its template names ([`Keys::ensure_key`]).
//!
//! Key material is one file per key under the data directory, sealed under a root key that lies beside it; all
//! files are readable by their owner alone and replaced atomically. Whoever holds the directory holds the keys:
//! the seal keeps material out of a stray copy of one file, not from the machine's owner.
//!
//! What KMS has and this does not: RSA, SM2, ML-DSA and secp256k1 keys, imported material, custom key stores,
//! grants, multi-region keys, and signing a digest that the caller made (`MessageType` `DIGEST`). Asking for
//! them is refused by name.

mod blob;
mod constraint;
mod envelope;
mod error;
mod files;
mod material;
mod operations;
mod permission;
mod record;
mod refusal;
mod root;
mod service;
mod spec;
mod store;

pub use error::KeysError;
pub use permission::Permission;
pub use service::{Keys, KeysOptions};
pub use spec::{KeySpec, KeyUsage};
