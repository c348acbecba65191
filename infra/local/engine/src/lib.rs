//! Step Functions, embedded: the durable engine and its protocol.
//!
//! [`Engine::open`] takes a folder and three things of the home it lives in: what calls functions
//! ([`TaskInvoker`]), what calls other services ([`AwsCaller`]), and what hears how executions stand
//! ([`StatusListener`]). The engine is a [`toss_local_protocol::JsonService`] with the target prefix
//! `AWSStepFunctions`.
//!
//! # How it is durable
//! The interpreter (`toss-asl`) is deterministic, so the journal holds what happened (starts, answers, fired
//! timers, tokens), never what the interpreter made of it. Each such stimulus is applied in memory and
//! appended under the execution's lock; its effects begin, and its caller is answered, when the record is on
//! disk. All executions share the journal's flushes, and no lock is held across one.
//!
//! A thread writes executions that ended or rest to the archive (SQLite) behind the journal and drops them
//! from memory: a waiting execution costs a row and an entry in the timers' set. A row knows up to which
//! position of the journal it reflects its execution, so a start replays only what is newer. When the journal
//! has grown, everything is written to the archive and the journal starts over.
//!
//! After a crash, calls without a journalled answer are made again (at least once), nested executions and
//! children of distributed Maps are found by their names (exactly once), status events that were not marked
//! as delivered are offered again (at least once), and late timers fire at once.
//!
//! Express executions are started durably, but their steps are not journalled: after a crash they run again
//! from their start, as AWS's at-least-once Express workflows may. Synchronous ones end with their caller.
//!
//! # What differs from AWS
//! - Region and account in a given ARN are not compared with the engine's own: there is one account here.
//! - `DeleteStateMachine` takes effect at once. Executions that run keep the definition they were started with.
//! - `DescribeMapRun` counts a child that timed out as failed, and does not count redrives.
//! - Encryption and logging configurations are checked, kept and shown; histories of Express executions are
//!   not written to logs.
//! - The HTTP metadata that service integrations add to an answer is made here: lengths are those of this home's
//!   answers, and what DynamoDB writes in other letters for some operations (`x-amzn-requestid`) is not followed.
//! - `LogResult` of `lambda:invoke` with `LogType: Tail` holds the lines that frame a call's log, without what the
//!   function wrote.
//! - Errors of AWS's SDK end with `(SDK Attempt Count: 1)`, as recordings since late 2025 do and older ones do not.
//! - A `.sync` step's output has no `RedriveCount`, `RedriveStatus` and `RedriveStatusReason`; recordings since 2025
//!   have them.
//! - A task of an activity that was deleted waits for a worker until its timeout; on AWS it fails with
//!   `States.Runtime` at once.
//! - `.sync` jobs of services other than Step Functions end when the call that starts them answers.

mod activities;
mod api;
mod archive;
mod catalogue;
mod codec;
mod core;
mod engine;
mod error;
mod executions;
mod home;
mod keeper;
mod names;
mod outbox;
mod record;
mod recovery;
mod run;
mod tasks;

pub use engine::{Engine, Options};
pub use error::EngineError;
pub use home::{
    AwsCaller, CallError, FunctionAnswer, FunctionCall, ServiceCall, StatusListener, TaskInvoker,
};
