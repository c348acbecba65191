//! Audit events and the Merkle log over them.
//!
//! | access pattern | item | key |
//! |---|---|---|
//! | an event; a tenant's events by time | [`AuditRecord`] | `audit`: `T#<ten>#audit` / `<aud>` |
//! | the head of a tenant's log | [`LogHead`] | `audit`: `T#<ten>#log` / `head` |
//! | its newest signed head | [`SignedLogHead`] | `audit`: `T#<ten>#log` / `signed-head` |
//! | a tile of its tree | [`LogTile`] | `audit`: `T#<ten>#log` / `tile#<level>#<index, 16 hex digits>` |
//!
//! An event is written once and never changed, except that the sealer gives it its place in the log. The
//! stream of new items of kind `audit-event` feeds the sealer; everything else in the table is its own work.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toss_kernel::{
    TenantScope,
    id::{AuditEventId, TenantId},
};
use ulid::Ulid;

use crate::{
    Entity, Key, Range, Store, StoreError, Table, binary,
    store::{Item, item, key_attributes, read},
    tenant_partition,
};

const EVENTS: &str = "audit";
const LOG: &str = "log";

/// The most keys in one `BatchGetItem`.
const BATCH: usize = 100;

/// A stored event: what stands in clear, and the encrypted rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditEventId,
    /// Whose.
    pub tenant: TenantId,
    /// What was done.
    pub action: String,
    /// When, to the millisecond.
    pub time: Timestamp,
    /// The data key that opens it, wrapped by the key service.
    #[serde(with = "binary")]
    pub wrapped_key: Vec<u8>,
    /// The whole event, encrypted.
    #[serde(with = "binary")]
    pub ciphertext: Vec<u8>,
    /// Its place in the log, once it has one.
    #[serde(default)]
    pub place: Option<u64>,
}

impl AuditRecord {
    /// The key of a tenant's event.
    #[must_use]
    pub fn key_of(scope: &TenantScope, id: AuditEventId) -> Key {
        Key::of_tenant(scope, EVENTS, id.to_string())
    }

    /// A tenant's events, oldest first, from one moment to another, both included.
    #[must_use]
    pub fn of_tenant(scope: &TenantScope, from: Option<Timestamp>, to: Option<Timestamp>) -> Range {
        let milliseconds = |time: Timestamp| u64::try_from(time.as_millisecond()).unwrap_or(0);
        let first = from.map_or(0, milliseconds);
        let last = to.map_or((1 << 48) - 1, milliseconds);
        let id = |milliseconds, random| AuditEventId::from_ulid(Ulid::from_parts(milliseconds, random));
        Range::of(Self::TABLE, tenant_partition(scope, EVENTS))
            .between(id(first, 0).to_string(), id(last, u128::MAX).to_string())
    }
}

impl Entity for AuditRecord {
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "audit-event";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, EVENTS, self.id.to_string())
    }
}

/// The head of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// Whose.
    pub tenant: TenantId,
    /// Events in the log.
    pub leaves: u64,
    /// The root hash.
    #[serde(with = "binary")]
    pub root: Vec<u8>,
}

impl Entity for LogHead {
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "log-head";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, LOG, "head")
    }
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLogHead {
    /// Whose.
    pub tenant: TenantId,
    /// Events in the log.
    pub leaves: u64,
    /// The checkpoint, a signed note.
    pub note: String,
}

impl Entity for SignedLogHead {
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "log-signed-head";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, LOG, "signed-head")
    }
}

/// A tile of a log's tree: up to 256 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTile {
    /// Whose.
    pub tenant: TenantId,
    /// Its row, 0 for the leaves.
    pub level: u8,
    /// Its number in the row.
    pub index: u64,
    /// Its hashes, 32 bytes each.
    #[serde(with = "binary")]
    pub hashes: Vec<u8>,
}

impl LogTile {
    fn sk(level: u8, index: u64) -> String {
        format!("tile#{level}#{index:016x}")
    }
}

impl Entity for LogTile {
    const TABLE: Table = Table::Audit;
    const KIND: &'static str = "log-tile";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, LOG, Self::sk(self.level, self.index))
    }
}

/// What one append to a log writes, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAppend {
    /// How many events the stored head must have.
    pub expected_leaves: u64,
    /// The new head.
    pub head: LogHead,
    /// The tiles that changed.
    pub tiles: Vec<LogTile>,
    /// The places of the new events, which must be stored and have none yet.
    pub places: Vec<(AuditEventId, u64)>,
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

impl Store {
    /// The head of a tenant's log, if it has one.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn log_head(&self, scope: &TenantScope) -> Result<Option<LogHead>, StoreError> {
        self.get(&Key::of_tenant(scope, LOG, "head")).await
    }

    /// The newest signed head of a tenant's log.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn signed_log_head(&self, scope: &TenantScope) -> Result<Option<SignedLogHead>, StoreError> {
        self.get(&Key::of_tenant(scope, LOG, "signed-head")).await
    }

    /// Stores a signed head unless that or a newer one is stored.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn put_signed_log_head(&self, head: &SignedLogHead) -> Result<(), StoreError> {
        let (client, table) = self.raw(Table::Audit)?;
        let outcome = client
            .put_item()
            .table_name(table)
            .set_item(Some(item(head)?))
            .condition_expression("attribute_not_exists(pk) OR leaves < :leaves")
            .expression_attribute_values(":leaves", number(head.leaves))
            .send()
            .await
            .map_err(StoreError::from_sdk);
        match outcome {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Those of the tiles that are stored, by level and index.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn log_tiles(
        &self,
        scope: &TenantScope,
        tiles: &[(u8, u64)],
    ) -> Result<Vec<LogTile>, StoreError> {
        let keys = tiles.iter().map(|(level, index)| Key::of_tenant(scope, LOG, LogTile::sk(*level, *index)));
        self.read_many(keys.collect()).await
    }

    /// Those of the events that are stored, in no particular order, each once.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn audit_records(
        &self,
        scope: &TenantScope,
        ids: &[AuditEventId],
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.read_many(ids.iter().map(|id| AuditRecord::key_of(scope, *id)).collect()).await
    }

    /// Strongly consistent reads of many keys of the audit table.
    async fn read_many<T: Entity>(&self, keys: BTreeSet<Key>) -> Result<Vec<T>, StoreError> {
        let (client, table) = self.raw(T::TABLE)?;
        let keys: Vec<Item> = keys.iter().map(key_attributes).collect();
        let mut found = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            let mut wanted = Some(request(batch.to_vec())?);
            while let Some(keys) = wanted.take() {
                let answer = client
                    .batch_get_item()
                    .request_items(table, keys)
                    .send()
                    .await
                    .map_err(StoreError::from_sdk)?;
                let items = answer.responses.unwrap_or_default().remove(table).unwrap_or_default();
                for item in items {
                    found.push(read(item)?);
                }
                // What did not fit into one answer is asked for again.
                wanted = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
            }
        }
        Ok(found)
    }

    /// Performs an append; answers whether it did. It does not when the head has moved on, an event has a place
    /// already, or another append is under way.
    ///
    /// # Errors
    /// When the write fails for another reason.
    pub async fn append_to_log(&self, scope: &TenantScope, append: &LogAppend) -> Result<bool, StoreError> {
        let mut transaction = self.transaction().raw(self.swap_head(append)?);
        for tile in &append.tiles {
            transaction = transaction.overwrite(tile)?;
        }
        for (event, place) in &append.places {
            transaction = transaction.raw(self.give_place(&AuditRecord::key_of(scope, *event), *place)?);
        }
        match transaction.commit().await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused { .. } | StoreError::Conflict | StoreError::Contention) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn swap_head(&self, append: &LogAppend) -> Result<TransactWriteItem, StoreError> {
        let (_, table) = self.raw(Table::Audit)?;
        let put = Put::builder().table_name(table).set_item(Some(item(&append.head)?));
        let put = if append.expected_leaves == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("leaves = :leaves")
                .expression_attribute_values(":leaves", number(append.expected_leaves))
        };
        let put = put.build().map_err(|error| StoreError::Service(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn give_place(&self, event: &Key, place: u64) -> Result<TransactWriteItem, StoreError> {
        let (_, table) = self.raw(Table::Audit)?;
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(event)))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(place)")
            .update_expression("SET place = :place")
            .expression_attribute_values(":place", number(place))
            .build()
            .map_err(|error| StoreError::Service(error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn request(keys: Vec<HashMap<String, AttributeValue>>) -> Result<KeysAndAttributes, StoreError> {
    KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .build()
        .map_err(|error| StoreError::Service(error.to_string()))
}

#[cfg(test)]
mod tests;
