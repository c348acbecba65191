//! The engine as its home uses it: through the protocol, over restarts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod activities;
mod basics;
mod faults;
mod nesting;
mod protocol;
mod restarts;
mod support;
