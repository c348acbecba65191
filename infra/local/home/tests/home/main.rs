//! A home from its template to its end: through HTTP, the services' port and a restart.

#![allow(clippy::tests_outside_test_module, reason = "the whole crate is tests")]

mod binaries;
mod events;
#[expect(unreachable_pub, reason = "an example has the same file at its root")]
mod functions;
mod gateway;
mod house;
mod permissions;
mod restart;
