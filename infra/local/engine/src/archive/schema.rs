//! The tables of the archive.

use std::path::Path;

use rusqlite::Connection;

use crate::EngineError;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS executions (
        key INTEGER PRIMARY KEY,
        machine TEXT NOT NULL,
        name TEXT NOT NULL,
        version TEXT,
        alias TEXT,
        map_run TEXT,
        status TEXT NOT NULL,
        started INTEGER NOT NULL,
        stopped INTEGER,
        redrives INTEGER NOT NULL,
        redriven INTEGER,
        position INTEGER NOT NULL,
        open INTEGER NOT NULL,
        busy INTEGER NOT NULL,
        timers BLOB,
        profile BLOB NOT NULL,
        standing BLOB NOT NULL,
        snapshot BLOB
    );
    CREATE UNIQUE INDEX IF NOT EXISTS executions_by_name ON executions (machine, name);
    CREATE INDEX IF NOT EXISTS executions_by_start ON executions (machine, started, key);
    CREATE INDEX IF NOT EXISTS executions_by_map_run ON executions (map_run, started, key) WHERE map_run IS NOT NULL;
    CREATE INDEX IF NOT EXISTS executions_open ON executions (key) WHERE open = 1;
    CREATE TABLE IF NOT EXISTS history (piece INTEGER PRIMARY KEY, first INTEGER NOT NULL, events BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS changes (kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (kind, name));
    CREATE TABLE IF NOT EXISTS outbox (position INTEGER PRIMARY KEY, key INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
";

/// How many pieces of history an execution can have: a piece's number is the execution's key times this, plus
/// its own.
pub(super) const PIECES: u64 = 1 << 20;

/// Opens the archive, and makes its tables if they are not there.
pub(super) fn open(path: &Path) -> Result<Connection, EngineError> {
    let connection = connect(path)?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Opens one more connection to an archive that is there.
pub(super) fn connect(path: &Path) -> Result<Connection, EngineError> {
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    // The journal holds what a power failure could take from the archive: no commit waits for the disk, only
    // the checkpoint before a compaction does.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;
         PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}
