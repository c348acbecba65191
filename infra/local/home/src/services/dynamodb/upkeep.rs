//! Upkeep of the database's file that it does not do itself: its stream records are found by a scan and kept
//! for ever, which makes every write to a table with a stream slower than the one before.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

/// A second connection to the database's file.
pub(crate) struct Upkeep {
    connection: Connection,
}

impl Upkeep {
    /// Opens the file, and has stream records found by an index.
    pub(crate) fn open(file: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "CREATE INDEX IF NOT EXISTS toss_stream_position
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));",
        )?;
        Ok(Self { connection })
    }

    /// Forgets the records of a table's stream before `position` that are older than `seconds`.
    pub(crate) fn forget(&self, table: &str, position: i64, seconds: i64) -> Result<usize, rusqlite::Error> {
        self.connection.execute(
            "DELETE FROM _stream_records WHERE table_name = ?1
             AND CAST(sequence_number AS INTEGER) < ?2 AND created_at <= unixepoch() - ?3",
            params![table, position, seconds],
        )
    }
}
