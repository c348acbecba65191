//! The queue service as the AWS SDK and its home see it.

mod connector;
mod durability;
mod fifo;
mod model;
mod queues;
mod redrive;
mod refusals;
mod standard;
