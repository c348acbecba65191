//! What a role may do, decided as IAM decides it.
//!
//! Every call of a function names actions and resources ([`access`]); the statements of its role in the
//! template allow them or not ([`Authority`]). An explicit `Deny` wins, and what nothing allows is refused.

pub(crate) mod access;
mod authority;
mod condition;
mod pattern;
mod statement;

pub(crate) use access::{Access, AccessReader, KeySchemas};
pub(crate) use authority::Authority;
pub use statement::{Statement, StatementError};
