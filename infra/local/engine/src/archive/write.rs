//! Writing to the archive.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, Transaction, params};

use crate::{
    EngineError,
    catalogue::Change,
    codec::encode,
    executions::Piece,
    record::{Origin, Profile, Standing},
};

use super::schema::{self, PIECES};

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct Writer(Connection);

/// An execution as it is to be stored.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) profile: Arc<Profile>,
    pub(crate) standing: Standing,
    pub(crate) position: u64,
    /// Whether it has calls that a restart must make again.
    pub(crate) busy: bool,
    pub(crate) timers: Vec<u8>,
    pub(crate) snapshot: Option<Vec<u8>>,
    /// Events since the last time it was stored.
    pub(crate) events: Option<Piece>,
}

impl Writer {
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        schema::open(path).map(Self)
    }

    /// Runs `work` in one transaction.
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let transaction = self.0.transaction()?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Returns when all that was committed is on disk.
    pub(crate) fn flush(&self) -> Result<(), EngineError> {
        // A reader may keep part of the log from being moved, but what it holds is flushed all the same.
        self.0.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        let busy: i64 = self.0.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))?;
        if busy != 0 {
            tracing::debug!("the archive's log could not be emptied while it is read");
        }
        Ok(())
    }
}

/// Stores an execution.
pub(crate) fn put_execution(transaction: &Transaction<'_>, row: &Row) -> Result<(), EngineError> {
    let (profile, standing) = (&*row.profile, &row.standing);
    let map_run = match &profile.origin {
        Origin::Map { map_run, .. } => Some(&**map_run),
        Origin::Call | Origin::Task { .. } => None,
    };
    transaction
        .prepare_cached(
            "INSERT INTO executions (key, machine, name, version, alias, map_run, status, started, stopped,
                redrives, redriven, position, open, busy, timers, profile, standing, snapshot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT (key) DO UPDATE SET status = ?7, stopped = ?9, redrives = ?10, redriven = ?11,
                position = ?12, open = ?13, busy = ?14, timers = ?15, standing = ?17, snapshot = ?18",
        )?
        .execute(params![
            profile.key as i64,
            &*profile.machine,
            &*profile.name,
            profile.version.map(|version| version.to_string()),
            profile.alias.as_deref(),
            map_run,
            standing.status.name(),
            profile.started,
            standing.stopped,
            standing.redrives,
            standing.redriven,
            row.position as i64,
            standing.status == toss_asl::Status::Running,
            row.busy,
            row.timers,
            encode("execution", profile)?,
            encode("execution", standing)?,
            row.snapshot,
        ])?;
    if let Some(Piece { first, bytes }) = &row.events {
        let piece = profile.key * PIECES + u64::from(standing.pieces) - 1;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO history (piece, first, events) VALUES (?1, ?2, ?3)")?
            .execute(params![piece as i64, *first as i64, bytes])?;
    }
    Ok(())
}

/// Forgets an execution: an Express one that has ended.
pub(crate) fn remove_execution(transaction: &Transaction<'_>, key: u64) -> Result<(), EngineError> {
    transaction.prepare_cached("DELETE FROM executions WHERE key = ?1")?.execute([key as i64])?;
    transaction
        .prepare_cached("DELETE FROM history WHERE piece BETWEEN ?1 AND ?2")?
        .execute([(key * PIECES) as i64, (key * PIECES + PIECES - 1) as i64])?;
    Ok(())
}

/// Stores a change of the catalogue.
pub(crate) fn put_change(transaction: &Transaction<'_>, change: &Change) -> Result<(), EngineError> {
    let put = |kind: &str, name: &str, change: &Change| -> Result<(), EngineError> {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO changes (kind, name, body) VALUES (?1, ?2, ?3)")?
            .execute(params![kind, name, encode("catalogue", change)?])?;
        Ok(())
    };
    let remove = |kind: &str, name: &str| -> Result<(), EngineError> {
        transaction
            .prepare_cached("DELETE FROM changes WHERE kind = ?1 AND name = ?2")?
            .execute([kind, name])?;
        Ok(())
    };
    match change {
        Change::Revision(revision) => put("revision", &revision.id.to_string(), change),
        Change::Machine(machine) => put("machine", &machine.name, change),
        Change::Revised(machine, revision) => {
            put("revision", &revision.id.to_string(), &Change::Revision(revision.clone()))?;
            put("machine", &machine.name, &Change::Machine(machine.clone()))
        }
        Change::MachineRemoved(name) => remove("machine", name),
        Change::Activity(activity) => put("activity", &activity.name, change),
        Change::ActivityRemoved(name) => remove("activity", name),
    }
}

/// Replaces the stored outbox.
pub(crate) fn put_outbox(
    transaction: &Transaction<'_>,
    delivered: u64,
    waiting: &[(u64, u64, Vec<u8>)],
) -> Result<(), EngineError> {
    transaction.execute("DELETE FROM outbox", [])?;
    for (position, key, body) in waiting {
        transaction
            .prepare_cached("INSERT INTO outbox (position, key, body) VALUES (?1, ?2, ?3)")?
            .execute(params![*position as i64, *key as i64, body])?;
    }
    put_counter(transaction, "delivered", delivered)
}

/// Stores a counter.
pub(crate) fn put_counter(transaction: &Transaction<'_>, name: &str, value: u64) -> Result<(), EngineError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO counters (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value as i64])?;
    Ok(())
}
