//! What a home does now and then: removing expired items and stream records that nobody will read again.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use super::HomeError;
use crate::listen::Closing;
use crate::services::dynamodb::{Tables, Upkeep};

const EVERY: Duration = Duration::from_secs(30);
/// How long a stream keeps its records.
const RETENTION: i64 = 24 * 3600;

/// How far each stream has been taken: the table's name and the position.
pub(super) type Progress = Vec<(String, watch::Receiver<i64>)>;

/// Opens the tables' file for upkeep. Blocks on the disk.
pub(super) fn prepare(file: &Path) -> Result<Upkeep, HomeError> {
    Ok(Upkeep::open(file)?)
}

/// Keeps the tables up until the home closes.
pub(super) async fn run(tables: Tables, mut upkeep: Upkeep, progress: Progress, mut closing: Closing) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        let (tables, positions) = (tables.clone(), positions(&progress));
        let done = tokio::task::spawn_blocking(move || {
            once(&tables, &upkeep, &positions);
            upkeep
        });
        match done.await {
            Ok(back) => upkeep = back,
            Err(_) => return,
        }
    }
}

/// The position of each table's slowest reader.
fn positions(progress: &Progress) -> Vec<(String, i64)> {
    let mut slowest: Vec<(String, i64)> = Vec::new();
    for (table, position) in progress {
        let position = *position.borrow();
        match slowest.iter_mut().find(|(known, _)| known == table) {
            Some((_, known)) => *known = position.min(*known),
            None => slowest.push((table.clone(), position)),
        }
    }
    slowest
}

fn once(tables: &Tables, upkeep: &Upkeep, positions: &[(String, i64)]) {
    match tables.sweep() {
        Ok(0) => {}
        Ok(removed) => tracing::debug!(removed, "expired items were removed"),
        Err(error) => tracing::error!(%error, "expired items cannot be removed"),
    }
    for (table, position) in positions {
        if let Err(error) = upkeep.forget(table, *position, RETENTION) {
            tracing::error!(table, %error, "old stream records cannot be removed");
        }
    }
}
