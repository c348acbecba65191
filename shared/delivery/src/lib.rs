//! Webhooks: signing and retry schedule; and the outbound guard that every call to the outside passes.
//!
//! [`outbound`] is the one way out of the platform: an HTTP client that connects only to addresses which its
//! policy allows, checked after the name was resolved and at the very moment of connecting. [`webhook`] signs
//! by Standard Webhooks 1.0, makes one delivery attempt through that client, and says what comes next.

pub mod outbound;
pub mod webhook;
