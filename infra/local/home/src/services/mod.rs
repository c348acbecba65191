//! The embedded AWS services and the way to them.
//!
//! A request is a target and a body, whether it came from a function's SDK in this process
//! ([`connector`]) or over the loopback port; the [`router`] asks the caller's role and hands it on.

mod connector;
mod credentials;
pub(crate) mod dynamodb;
mod router;
mod wire;

pub(crate) use connector::InProcess;
pub(crate) use credentials::{Credentials, FunctionKey};
pub(crate) use router::Router;
pub(crate) use wire::{reply, request_id};
