//! DynamoDB and its streams, over `dynoxide` in this process.

mod arns;
mod dispatch;
mod error;
mod stream;
mod tables;
mod upkeep;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use dynoxide::Database;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;
use toss_local_protocol::{Caller, JsonService, ServiceError};

pub(crate) use stream::StreamPage;
pub use tables::TableError;
pub(crate) use upkeep::Upkeep;

use crate::template::model::Table;

/// Operations that a stream may tell of.
const WRITES: &[&str] = &[
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
];

/// The tables of a home.
#[derive(Clone)]
pub(crate) struct Tables {
    database: Database,
    region: Arc<str>,
    /// Counts writes, for those who wait for one.
    written: Arc<watch::Sender<u64>>,
}

impl Tables {
    /// Opens the tables of a file and makes those of the template that are not there. Blocks on the disk.
    pub(crate) fn open<'t>(
        file: &Path,
        region: &str,
        wanted: impl IntoIterator<Item = &'t Table>,
    ) -> Result<Self, TableError> {
        let database = Database::new(&file.to_string_lossy()).map_err(TableError::open)?;
        let tables = Self { database, region: region.into(), written: Arc::default() };
        tables.ensure(wanted)?;
        Ok(tables)
    }

    /// Changes with every write.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Removes what has expired, and answers how much it was. Blocks on the disk.
    pub(crate) fn sweep(&self) -> Result<usize, TableError> {
        self.database.sweep_ttl().map_err(TableError::open)
    }

    /// Carries out one operation. Blocks on the disk.
    pub(crate) fn carry_out(&self, operation: &str, body: &[u8]) -> Result<Bytes, ServiceError> {
        let body = std::str::from_utf8(body)
            .map_err(|error| ServiceError::serialization(format!("The body is not UTF-8: {error}")))?;
        let body = arns::inward(operation, body);
        let output = dispatch::dispatch(&self.database, operation, &body)
            .ok_or_else(|| ServiceError::unknown_operation(operation))?
            .map_err(|failure| error::service_error(operation, failure))?;
        if WRITES.contains(&operation) {
            self.written.send_modify(|count| *count += 1);
        }
        Ok(arns::outward(operation, &self.region, output).into())
    }
}

impl JsonService for Tables {
    fn target_prefix(&self) -> &'static str {
        "DynamoDB_20120810"
    }

    fn content_type(&self) -> &'static str {
        "application/x-amz-json-1.0"
    }

    fn call<'a>(
        &'a self,
        _caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>> {
        let tables = self.clone();
        let operation = operation.to_owned();
        async move {
            let run = move || tables.carry_out(&operation, &body);
            tokio::task::spawn_blocking(run).await.unwrap_or_else(|cause| {
                tracing::error!(%cause, "a table operation did not finish");
                Err(ServiceError::internal())
            })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
