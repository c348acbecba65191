//! The queue service as the AWS SDK and its home see it.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what fails in a test should end it")]

mod connector;
mod durability;
mod fifo;
mod model;
mod queues;
mod redrive;
mod refusals;
mod standard;
