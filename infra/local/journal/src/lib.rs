//! A durable, append-only journal with group commit.
//!
//! The embedded services keep their state in memory and write down what changed it. [`Journal::append`] takes
//! a record and answers a [`Ticket`], which resolves when the record is on disk. One thread writes: whatever
//! is appended while a flush runs shares the next one, so a thousand callers cost a handful of flushes.
//!
//! ```no_run
//! use toss_local_journal::{Journal, Options};
//!
//! let (journal, recovered) = Journal::open("data/queues".as_ref(), Options::default())?;
//! for record in recovered.snapshot {
//!     let _state_that_was_compacted = record?;
//! }
//! for record in recovered.records {
//!     let _change_since_then = record?.payload;
//! }
//! journal.append(b"something happened").wait()?; // in async code: `journal.append(…).await?`
//! journal.append_lazy(b"nice to keep, not worth a flush")?;
//! journal.compact([b"the whole state".as_slice()])?;
//! # Ok::<(), toss_local_journal::JournalError>(())
//! ```
//!
//! # What is promised
//! - A record whose ticket resolved survives a crash at any instruction, and so do all records before it.
//! - [`Journal::open`] answers a prefix of what was appended: a torn or damaged tail of the newest segment is
//!   cut at the last whole record and told in [`Recovered::cut`]. Damage before that is an error, since
//!   records that were promised are gone.
//! - After a failed write or flush nothing more is accepted: what the disk holds then is unknown until the
//!   next start reads it.
//! - One process at a time has a directory open.
//!
//! # What lies in the directory
//! `lock`; segments `<number>.log`, each a header and framed records, zero-filled ahead of the writes so that
//! a flush does not have to change the file's size; and at most one `<number>.snapshot`, which stands for all
//! segments below its number.

mod compaction;
mod directory;
mod error;
mod frame;
mod journal;
mod medium;
mod recovery;
mod segment;
mod ticket;
mod writer;

#[cfg(test)]
mod tests;

pub use compaction::Compaction;
pub use error::JournalError;
pub use journal::{Journal, Options};
pub use recovery::{Cut, Record, Records, Recovered, Snapshot};
pub use ticket::Ticket;
