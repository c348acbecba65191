//! What the engine keeps on disk beside the journal: executions that rest or have ended, with their histories,
//! and the catalogue.
//!
//! The archive is a SQLite database that one thread writes behind the journal. A row says up to which position
//! of the journal it reflects its execution, so replaying a record that the row has already is skipped, and
//! the archive may be ahead of or behind any single record.

mod read;
mod schema;
mod write;

pub(crate) use read::{Filter, Listed, Reader, Stored};
pub(crate) use write::{Row, Writer, put_change, put_counter, put_execution, put_outbox, remove_execution};
