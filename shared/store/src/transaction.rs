//! Several writes that happen together or not at all.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem};

use crate::{
    Entity, Key, Store, StoreError,
    store::{item, key_attributes},
};

/// Writes to be done in one `TransactWriteItems`; at most 100. Each method that adds a write may fail when the
/// item cannot be written at all; a condition fails at [`Transaction::commit`].
#[must_use = "a transaction does nothing until it is committed"]
pub struct Transaction<'a> {
    store: &'a Store,
    writes: Vec<TransactWriteItem>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, writes: Vec::new() }
    }

    /// How many writes it has: the place of the next one in [`StoreError::Refused`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it has no writes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    fn put<T: Entity>(
        mut self,
        entity: &T,
        condition: Option<&str>,
        value: Option<(&str, AttributeValue)>,
    ) -> Result<Self, StoreError> {
        let mut put = Put::builder()
            .table_name(self.store.names.name(T::TABLE)?)
            .set_item(Some(item(entity)?))
            .set_condition_expression(condition.map(str::to_owned));
        if let Some((name, value)) = value {
            put = put.expression_attribute_values(name, value);
        }
        let put = put.build().map_err(|error| StoreError::Service(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().put(put).build());
        Ok(self)
    }

    /// Adds an item that must not exist yet.
    ///
    /// # Errors
    /// When the item cannot be written.
    pub fn create<T: Entity>(self, entity: &T) -> Result<Self, StoreError> {
        self.put(entity, Some("attribute_not_exists(pk)"), None)
    }

    /// Adds an item that may exist and is then the same.
    ///
    /// # Errors
    /// When the item cannot be written.
    pub fn overwrite<T: Entity>(self, entity: &T) -> Result<Self, StoreError> {
        self.put(entity, None, None)
    }

    /// Adds the replacement of an item that was read at `entity.revision()`; the item written is one revision
    /// higher. The caller's value keeps its old revision until it reads the item again.
    ///
    /// # Errors
    /// When the item cannot be written.
    pub fn replace<T: Entity + Clone>(self, entity: &T) -> Result<Self, StoreError> {
        let read_revision = entity.revision();
        let mut next = entity.clone();
        next.set_revision(read_revision + 1);
        let revision = AttributeValue::N(read_revision.to_string());
        self.put(&next, Some("revision = :revision"), Some((":revision", revision)))
    }

    /// Adds a deletion; the item must exist.
    ///
    /// # Errors
    /// When the table is not known to the function.
    pub fn delete<T: Entity>(mut self, key: &Key) -> Result<Self, StoreError> {
        let delete = Delete::builder()
            .table_name(self.store.names.name(T::TABLE)?)
            .set_key(Some(key_attributes(key)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::Service(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().delete(delete).build());
        Ok(self)
    }

    /// Adds the condition that an item exists.
    ///
    /// # Errors
    /// When the table is not known to the function.
    pub fn require<T: Entity>(mut self, key: &Key) -> Result<Self, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.store.names.name(T::TABLE)?)
            .set_key(Some(key_attributes(key)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::Service(error.to_string()))?;
        self.writes.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(self)
    }

    /// Adds a write that this crate made with an expression of its own.
    pub(crate) fn raw(mut self, write: TransactWriteItem) -> Self {
        self.writes.push(write);
        self
    }

    /// Does all of it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the places of the failed conditions; [`StoreError::Contention`] when another
    /// transaction was under way on the same items.
    pub async fn commit(self) -> Result<(), StoreError> {
        let outcome =
            self.store.client.transact_write_items().set_transact_items(Some(self.writes)).send().await;
        let Err(error) = outcome else { return Ok(()) };
        let reasons = error
            .as_service_error()
            .and_then(|error| match error {
                aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
                    cancelled,
                ) => Some(cancelled.cancellation_reasons()),
                _ => None,
            })
            .unwrap_or_default();
        let places = |code: &str| -> Vec<usize> {
            let matches = |(place, reason): (usize, &aws_sdk_dynamodb::types::CancellationReason)| {
                (reason.code() == Some(code)).then_some(place)
            };
            reasons.iter().enumerate().filter_map(matches).collect()
        };
        let failed = places("ConditionalCheckFailed");
        if !failed.is_empty() {
            return Err(StoreError::Refused { failed });
        }
        if !places("TransactionConflict").is_empty() {
            return Err(StoreError::Contention);
        }
        Err(StoreError::from_sdk(error))
    }
}
