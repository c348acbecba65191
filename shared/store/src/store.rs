//! Reads and single writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use toss_runtime::{Environment, Platform};

use crate::{Cursor, Entity, Key, Page, Range, StoreError, Table, TableNames, Transaction, page::Sort};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The platform's tables, through the function's own client.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) names: TableNames,
}

impl Store {
    /// The store of a function.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self::with_client(platform.sdk.dynamodb().clone(), &platform.environment)
    }

    /// The store behind a client.
    #[must_use]
    pub fn with_client(client: Client, environment: &Environment) -> Self {
        Self { client, names: TableNames::from_environment(environment) }
    }

    /// Reads an item, as of now.
    ///
    /// # Errors
    /// [`StoreError`] when the call fails or the item cannot be read.
    pub async fn get<T: Entity>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(self.names.name(T::TABLE)?)
            .set_key(Some(key_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        answer.item.map(read).transpose()
    }

    /// Reads a page of a list. Over an index, what was written a moment ago may be missing.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for a cursor of another list; else when the call fails.
    pub async fn list<T: Entity>(&self, range: Range) -> Result<Page<T>, StoreError> {
        let (pk_name, sk_name) = range.index.map_or(("pk", "sk"), |index| (index.names().1, index.names().2));
        let start = range.after.as_ref().map(|cursor| start_key(cursor, &range)).transpose()?;
        let mut query = self
            .client
            .query()
            .table_name(self.names.name(range.table)?)
            .set_index_name(range.index.map(|index| index.names().0.to_owned()))
            .consistent_read(range.index.is_none())
            .scan_index_forward(range.forward)
            .limit(range.limit)
            .set_exclusive_start_key(start)
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_values(":pk", AttributeValue::S(range.pk.clone()));
        query = match &range.sort {
            Sort::All => query.key_condition_expression("#pk = :pk"),
            Sort::Prefix(prefix) => query
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :first)")
                .expression_attribute_names("#sk", sk_name)
                .expression_attribute_values(":first", AttributeValue::S(prefix.clone())),
            Sort::Between(first, last) => query
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .expression_attribute_names("#sk", sk_name)
                .expression_attribute_values(":first", AttributeValue::S(first.clone()))
                .expression_attribute_values(":last", AttributeValue::S(last.clone())),
        };
        let answer = query.send().await.map_err(StoreError::from_sdk)?;
        let next = answer.last_evaluated_key.as_ref().map(|key| cursor(key, &range));
        let items = answer.items.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Writes an item that must not exist yet.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it does.
    pub async fn create<T: Entity>(&self, entity: &T) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(self.names.name(T::TABLE)?)
            .set_item(Some(item(entity)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .map(drop)
            .map_err(StoreError::from_sdk)
    }

    /// Writes an item over the one that was read, and sets its new revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it has changed since, or is gone.
    pub async fn replace<T: Entity>(&self, entity: &mut T) -> Result<(), StoreError> {
        let read_revision = entity.revision();
        entity.set_revision(read_revision + 1);
        let put = self
            .client
            .put_item()
            .table_name(self.names.name(T::TABLE)?)
            .set_item(Some(item(entity)?))
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", AttributeValue::N(read_revision.to_string()));
        let outcome = put.send().await.map(drop).map_err(StoreError::from_sdk);
        if outcome.is_err() {
            entity.set_revision(read_revision);
        }
        outcome
    }

    /// Writes an item whatever is there. Only for what is the same however often it is written.
    ///
    /// # Errors
    /// [`StoreError`] when the call fails.
    pub async fn overwrite<T: Entity>(&self, entity: &T) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(self.names.name(T::TABLE)?)
            .set_item(Some(item(entity)?))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::from_sdk)
    }

    /// Deletes an item; it may be gone already.
    ///
    /// # Errors
    /// [`StoreError`] when the call fails.
    pub async fn delete<T: Entity>(&self, key: &Key) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(self.names.name(T::TABLE)?)
            .set_key(Some(key_attributes(key)))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::from_sdk)
    }

    /// Several writes that happen together or not at all.
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// The client and a table's name, for the few calls of this crate that need an expression of their own.
    pub(crate) fn raw(&self, table: Table) -> Result<(&Client, &str), StoreError> {
        Ok((&self.client, self.names.name(table)?))
    }
}

pub(crate) fn key_attributes(key: &Key) -> Item {
    [("pk", &key.pk), ("sk", &key.sk)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.clone())))
        .into_iter()
        .collect()
}

pub(crate) fn read<T: Entity>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|source| StoreError::Malformed { kind: T::KIND, source })
}

pub(crate) fn item<T: Entity>(entity: &T) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::to_item(entity).map_err(|source| StoreError::Malformed { kind: T::KIND, source })?;
    // An empty optional is no attribute at all: index keys must not be null, and items stay small.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    item.extend(key_attributes(&entity.key()));
    item.insert("kind".into(), AttributeValue::S(T::KIND.into()));
    for entry in entity.indexes() {
        let (_, pk, sk) = entry.index.names();
        item.insert(pk.into(), AttributeValue::S(entry.pk));
        item.insert(sk.into(), AttributeValue::S(entry.sk));
    }
    if let Some(expires) = entity.expires() {
        item.insert("ttl".into(), AttributeValue::N(expires.to_string()));
    }
    Ok(item)
}

/// The attributes of a cursor: the item's key and, over an index, the index's keys.
fn cursor_attributes(range: &Range) -> Vec<&'static str> {
    let mut names = vec!["pk", "sk"];
    if let Some(index) = range.index {
        names.extend([index.names().1, index.names().2]);
    }
    names
}

fn cursor(key: &Item, range: &Range) -> Cursor {
    let text = |name: &str| key.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    Cursor(cursor_attributes(range).into_iter().map(text).collect())
}

/// A caller may change a cursor: it must still name a place in the partition that the query is about.
fn start_key(cursor: &Cursor, range: &Range) -> Result<Item, StoreError> {
    let names = cursor_attributes(range);
    let partition = range.index.map_or("pk", |index| index.names().1);
    let attributes: Item = names
        .iter()
        .zip(&cursor.0)
        .map(|(name, value)| ((*name).to_owned(), AttributeValue::S(value.clone())))
        .collect();
    let in_partition = attributes.get(partition).and_then(|value| value.as_s().ok()) == Some(&range.pk);
    // DynamoDB's limits of key values; longer ones are no keys of ours.
    let is_key = |(name, value): (&&str, &String)| {
        (1..=if name.ends_with("pk") { 2048 } else { 1024 }).contains(&value.len())
    };
    if !in_partition || cursor.0.len() != names.len() || !names.iter().zip(&cursor.0).all(is_key) {
        return Err(StoreError::BadCursor);
    }
    Ok(attributes)
}
