//! What crosses crates, on the real program: one module for each promise.
//!
//! [`support`] builds the binaries once in a run and starts `toss up` as users do, each test with a platform, a
//! folder and ports of its own. What a platform said is printed when its test fails.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails in a test should end it"
)]

mod support;

mod aws_clients;
mod crash;
mod demo;
mod dependencies;
mod deployment;
mod documents;
mod hostile;
mod iam;
mod idempotency;
mod isolation;
mod webhooks;
