//! Reading from the archive.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Row, params, types::Value};
use toss_asl::HistoryEvent;

use crate::{
    EngineError,
    catalogue::Change,
    codec::decode,
    record::{Profile, Standing},
};

use super::schema::{self, PIECES};

/// Reads executions, histories and the catalogue.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Mutex<Connection>,
}

/// An execution as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) profile: Arc<Profile>,
    pub(crate) standing: Standing,
    pub(crate) position: u64,
    pub(crate) timers: Vec<(u32, i64)>,
    pub(crate) snapshot: Option<Vec<u8>>,
}

/// An open execution, as much of it as a start needs.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) key: u64,
    pub(crate) busy: bool,
    pub(crate) timers: Vec<(u32, i64)>,
}

/// A line of a list of executions.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: u64,
    pub(crate) machine: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) map_run: Option<String>,
    pub(crate) status: String,
    pub(crate) started: i64,
    pub(crate) stopped: Option<i64>,
    pub(crate) redrives: u32,
    pub(crate) redriven: Option<i64>,
}

/// Which executions to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) machine: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) map_run: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) redriven: Option<bool>,
    /// Go on after this start and key.
    pub(crate) after: Option<(i64, u64)>,
    pub(crate) limit: usize,
}

const EXECUTION: &str = "SELECT profile, standing, position, timers, snapshot FROM executions";

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        Ok(Self { connection: Mutex::new(schema::connect(path)?) })
    }

    pub(crate) fn execution(&self, key: u64) -> Result<Option<Stored>, EngineError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("{EXECUTION} WHERE key = ?1"))?;
        let columns = statement.query_row([key as i64], Columns::read).optional()?;
        columns.map(Columns::decode).transpose()
    }

    /// The key of the execution of this name.
    pub(crate) fn key(&self, machine: &str, name: &str) -> Result<Option<u64>, EngineError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached("SELECT key FROM executions WHERE machine = ?1 AND name = ?2")?;
        let key = statement.query_row([machine, name], |row| row.get::<_, i64>(0)).optional()?;
        Ok(key.map(|key| key as u64))
    }

    /// The events that are stored, from the first to the last.
    pub(crate) fn history(&self, key: u64) -> Result<Vec<HistoryEvent>, EngineError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached("SELECT events FROM history WHERE piece BETWEEN ?1 AND ?2 ORDER BY piece")?;
        let range = [(key * PIECES) as i64, (key * PIECES + PIECES - 1) as i64];
        let mut pieces = statement.query(range)?;
        let mut events = Vec::new();
        while let Some(piece) = pieces.next()? {
            let piece: Vec<HistoryEvent> =
                decode("history", piece.get_ref(0)?.as_blob().unwrap_or_default())?;
            events.extend(piece);
        }
        Ok(events)
    }

    pub(crate) fn list(&self, filter: &Filter) -> Result<Vec<Listed>, EngineError> {
        let mut sql = String::from(
            "SELECT key, machine, name, version, alias, map_run, status, started, stopped, redrives, redriven
             FROM executions WHERE 1 = 1",
        );
        let mut values: Vec<Value> = Vec::new();
        let mut equal = |column: &str, value: &Option<String>| {
            if let Some(value) = value {
                values.push(value.clone().into());
                sql.push_str(&format!(" AND {column} = ?{}", values.len()));
            }
        };
        equal("machine", &filter.machine);
        equal("version", &filter.version);
        equal("alias", &filter.alias);
        equal("map_run", &filter.map_run);
        equal("status", &filter.status);
        match filter.redriven {
            Some(true) => sql.push_str(" AND redrives > 0"),
            Some(false) => sql.push_str(" AND redrives = 0"),
            None => {}
        }
        if let Some((started, key)) = filter.after {
            values.extend([Value::from(started), Value::from(key as i64)]);
            let count = values.len();
            sql.push_str(&format!(" AND (started, key) < (?{}, ?{count})", count - 1));
        }
        sql.push_str(&format!(" ORDER BY started DESC, key DESC LIMIT {}", filter.limit));
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), Listed::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Tells of every open execution.
    pub(crate) fn each_open(&self, mut each: impl FnMut(Open)) -> Result<(), EngineError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT key, busy, timers FROM executions WHERE open = 1")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(Open {
                key: row.get::<_, i64>(0)? as u64,
                busy: row.get(1)?,
                timers: timers(&row.get::<_, Option<Vec<u8>>>(2)?.unwrap_or_default())?,
            });
        }
        Ok(())
    }

    pub(crate) fn changes(&self) -> Result<Vec<Change>, EngineError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT body FROM changes")?;
        let bodies = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        bodies.map(|body| decode("catalogue", &body?)).collect()
    }

    pub(crate) fn outbox(&self) -> Result<Vec<(u64, u64, Vec<u8>)>, EngineError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT position, key, body FROM outbox ORDER BY position")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn counter(&self, name: &str) -> Result<Option<u64>, EngineError> {
        let connection = self.lock();
        let value = connection
            .query_row("SELECT value FROM counters WHERE name = ?1", [name], |row| row.get::<_, i64>(0))
            .optional()?;
        Ok(value.map(|value| value as u64))
    }

    pub(crate) fn last_key(&self) -> Result<u64, EngineError> {
        let connection = self.lock();
        let key = connection
            .query_row("SELECT max(key) FROM executions", params![], |row| row.get::<_, Option<i64>>(0))?;
        Ok(key.unwrap_or(0) as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Columns {
    profile: Vec<u8>,
    standing: Vec<u8>,
    position: i64,
    timers: Vec<u8>,
    snapshot: Option<Vec<u8>>,
}

impl Columns {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            profile: row.get(0)?,
            standing: row.get(1)?,
            position: row.get(2)?,
            timers: row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default(),
            snapshot: row.get(4)?,
        })
    }

    fn decode(self) -> Result<Stored, EngineError> {
        Ok(Stored {
            profile: Arc::new(decode("execution", &self.profile)?),
            standing: decode("execution", &self.standing)?,
            position: self.position as u64,
            timers: timers(&self.timers)?,
            snapshot: self.snapshot,
        })
    }
}

impl Listed {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get::<_, i64>(0)? as u64,
            machine: row.get(1)?,
            name: row.get(2)?,
            version: row.get(3)?,
            alias: row.get(4)?,
            map_run: row.get(5)?,
            status: row.get(6)?,
            started: row.get(7)?,
            stopped: row.get(8)?,
            redrives: row.get(9)?,
            redriven: row.get(10)?,
        })
    }
}

fn timers(bytes: &[u8]) -> Result<Vec<(u32, i64)>, EngineError> {
    if bytes.is_empty() { Ok(Vec::new()) } else { decode("timers", bytes) }
}
