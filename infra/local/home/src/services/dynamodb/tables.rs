//! The template's tables: made when they are not there, brought up to date when they are.

use dynoxide::{DynoxideError, TableMetadata};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Tables;
use crate::template::model::Table;

/// The tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("the tables cannot be opened: {0}")]
    Database(Box<DynoxideError>),
    /// A table cannot be made as the template says.
    #[error("the table {table} cannot be made as the template says: {reason}")]
    Refused {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// The template has changed what cannot be changed.
    #[error(
        "the table {table} was made with the keys {found}, and the template now asks for {wanted}; \
         keys cannot change: give the table another name, or start with an empty data directory"
    )]
    KeysChanged {
        /// The table.
        table: String,
        /// Its keys.
        found: String,
        /// The template's.
        wanted: String,
    },
}

impl TableError {
    pub(super) fn open(error: DynoxideError) -> Self {
        Self::Database(Box::new(error))
    }
}

impl Tables {
    /// Makes the tables that are not there, and adds indexes, streams and expiry to those that lack them.
    pub(super) fn ensure<'t>(&self, wanted: impl IntoIterator<Item = &'t Table>) -> Result<(), TableError> {
        for table in wanted {
            let found = self.database.get_table_metadata(&table.name).map_err(TableError::open)?;
            match &found {
                None => {
                    let request = self.request(table, &table.create)?;
                    self.database.create_table(request).map_err(|error| refused(table, error))?;
                }
                Some(found) => self.update(table, found)?,
            }
            self.ensure_expiry(table, found.as_ref())?;
        }
        Ok(())
    }

    fn update(&self, table: &Table, found: &TableMetadata) -> Result<(), TableError> {
        let wanted = table.create.get("KeySchema").cloned().unwrap_or_default();
        let keys: Value = serde_json::from_str(&found.key_schema).unwrap_or_default();
        if key_names(&keys) != key_names(&wanted) {
            let told = |keys: &Value| key_names(keys).join(", ");
            return Err(TableError::KeysChanged {
                table: table.name.clone(),
                found: told(&keys),
                wanted: told(&wanted),
            });
        }
        let existing: Value = found
            .gsi_definitions
            .as_deref()
            .and_then(|indexes| serde_json::from_str(indexes).ok())
            .unwrap_or_default();
        let existing = index_names(&existing);
        let indexes = table.create.get("GlobalSecondaryIndexes").cloned().unwrap_or_default();
        let wanted = index_names(&indexes);
        // One index a call, as DynamoDB has it.
        for gone in existing.iter().filter(|name| !wanted.contains(name)) {
            self.change(
                table,
                &json!({ "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": gone } }] }),
            )?;
        }
        for index in indexes.as_array().into_iter().flatten() {
            if !existing.iter().any(|name| index.get("IndexName").and_then(Value::as_str) == Some(name)) {
                self.change(
                    table,
                    &json!({
                        "AttributeDefinitions": table.create["AttributeDefinitions"],
                        "GlobalSecondaryIndexUpdates": [{ "Create": index }],
                    }),
                )?;
            }
        }
        if let (false, Some(stream)) = (found.stream_enabled, table.create.get("StreamSpecification")) {
            self.change(table, &json!({ "StreamSpecification": stream }))?;
        }
        Ok(())
    }

    fn change(&self, table: &Table, change: &Value) -> Result<(), TableError> {
        let mut body = change.clone();
        body["TableName"] = json!(table.name);
        let request = self.request(table, &body)?;
        self.database.update_table(request).map(drop).map_err(|error| refused(table, error))
    }

    fn ensure_expiry(&self, table: &Table, found: Option<&TableMetadata>) -> Result<(), TableError> {
        let present =
            found.filter(|found| found.ttl_enabled).and_then(|found| found.ttl_attribute.as_deref());
        if present == table.time_to_live.as_deref() {
            return Ok(());
        }
        if let Some(attribute) = present {
            self.set_expiry(table, attribute, false)?;
        }
        table.time_to_live.as_deref().map_or(Ok(()), |attribute| self.set_expiry(table, attribute, true))
    }

    fn set_expiry(&self, table: &Table, attribute: &str, enabled: bool) -> Result<(), TableError> {
        let request = self.request(
            table,
            &json!({
                "TableName": table.name,
                "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": enabled },
            }),
        )?;
        self.database.update_time_to_live(request).map(drop).map_err(|error| refused(table, error))
    }

    fn request<T: DeserializeOwned>(&self, table: &Table, body: &Value) -> Result<T, TableError> {
        serde_json::from_str(&body.to_string())
            .map_err(|error| refused(table, super::error::unreadable(&error)))
    }
}

fn refused(table: &Table, error: impl std::fmt::Display) -> TableError {
    TableError::Refused { table: table.name.clone(), reason: error.to_string() }
}

fn key_names(schema: &Value) -> Vec<String> {
    let name = |element: &Value| {
        let member = |name: &str| element.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} ({})", member("AttributeName"), member("KeyType"))
    };
    schema.as_array().into_iter().flatten().map(name).collect()
}

fn index_names(indexes: &Value) -> Vec<String> {
    let name = |index: &Value| index.get("IndexName").and_then(Value::as_str).map(ToOwned::to_owned);
    indexes.as_array().into_iter().flatten().filter_map(name).collect()
}
