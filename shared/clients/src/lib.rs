//! Client types, API keys, authorisation policy and rate limits.
//!
//! [`ClientGate`] is what every request to the API passes: the credential is verified, the rate limited, the
//! action authorised by the policy in `policy.cedar`, and the answer kept under an idempotency key.
//! [`Issuer`] makes API keys; [`text`] is their form.

mod answers;
mod client_type;
mod gate;
mod issuer;
mod operator;
mod policy;
mod rate;
mod secrets;
pub mod text;
mod usage;

pub use client_type::ClientType;
pub use gate::{ClientGate, GATE_GRANTS};
pub use issuer::{IssueError, Issued, Issuer, NewKey};
pub use operator::OperatorKey;
pub use policy::{Decision, Policy, covering_scopes};
pub use rate::{DEFAULT_POLICY, MAX_RATE};
pub use secrets::{SecretError, Secrets};
