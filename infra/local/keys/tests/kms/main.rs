//! The key service as the AWS SDK sees it.

#![expect(clippy::expect_used, reason = "what fails in a test should end it")]

mod connector;
mod encryption;
mod lifecycle;
mod signing;
