//! The one way out: policy, address check, and an HTTP client whose connector enforces both.
//!
//! The check stands in the connector and not before it. Whatever the client is about to connect to, a literal
//! address, a name, the next hop of a redirect, passes [`Guard::addresses`] with host and port, and the
//! connection is made to the very addresses that were checked: a name that resolves differently a moment
//! later (DNS rebinding) gains nothing.

mod address;
mod client;
mod connector;
mod error;
mod guard;
mod policy;
mod redirect;
mod request;

pub use address::{AddressClass, refused};
pub use client::{ClientError, OutboundClient};
pub use error::OutboundError;
pub use guard::{Guard, Resolver, SystemResolver};
pub use policy::{OutboundPolicy, PolicyError};
pub use request::{OutboundRequest, OutboundResponse};

#[cfg(test)]
mod client_tests;
