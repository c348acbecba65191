//! A home from its template to its end: through HTTP, the services' port and a restart.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the whole crate is tests, helpers included")]

mod binaries;
mod events;
#[expect(unreachable_pub, reason = "an example has the same file at its root")]
mod functions;
mod gateway;
mod house;
mod permissions;
mod restart;
