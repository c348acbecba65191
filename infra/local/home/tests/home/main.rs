//! A home from its template to its end: through HTTP, the services' port and a restart.

#![allow(clippy::tests_outside_test_module, reason = "the whole crate is tests")]

mod binaries;
mod events;
mod functions;
mod gateway;
mod house;
mod permissions;
mod restart;
