//! SQS, embedded and durable.
//!
//! [`Queues`] holds the queues of one home. It speaks SQS's JSON protocol through
//! [`JsonService`](toss_local_protocol::JsonService), so that the AWS SDKs, boto3 and the AWS CLI use it as they
//! use SQS, and gives the home a typed way to make the queues of its template and to feed functions from them.
//!
//! # What is promised
//! - A message whose sending was answered survives a crash, and so does its deletion. Nobody sees a message
//!   before it is on disk.
//! - Receive counts and visibility are written without waiting for the disk: after a crash a message may be
//!   delivered once more than it would have been, never less.
//! - FIFO queues keep the order within a group and refuse duplicates for five minutes, across restarts.
//!
//! All state is in memory, changed only by records that the journal keeps; compaction writes the
//! present state in their place.
//!
//! What SQS has and this does not: `AddPermission` and `RemovePermission` (set `Policy` instead; permissions
//! are the home's affair), encryption with a KMS key (the attributes are kept, bodies lie in the journal in
//! clear), and the minute's wait before a deleted name can be used again. A message move task does not outlive
//! the process.

mod consumer;
mod digest;
mod error;
mod inner;
mod message;
mod move_task;
mod name;
mod operations;
mod permission;
mod receipt;
mod record;
mod redrive;
mod refusal;
mod service;
mod settings;
mod state;

pub use consumer::Delivery;
pub use error::QueuesError;
pub use permission::Permission;
pub use refusal::query_error_code;
pub use service::{Queues, QueuesOptions};
