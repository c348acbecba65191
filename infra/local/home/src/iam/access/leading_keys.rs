//! The partition keys that a DynamoDB call touches, for `dynamodb:LeadingKeys`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The partition key's attribute of every table and index.
#[derive(Debug, Default)]
pub(crate) struct KeySchemas {
    tables: BTreeMap<String, String>,
    indexes: BTreeMap<(String, String), String>,
}

impl KeySchemas {
    /// Reads the bodies of the `CreateTable` calls that make the tables.
    pub(crate) fn new<'v>(tables: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut schemas = Self::default();
        for create in tables {
            let table = create.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(attribute) = partition_attribute(create) {
                schemas.tables.insert(table.clone(), attribute);
            }
            for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
                for index in create.get(kind).and_then(Value::as_array).into_iter().flatten() {
                    let name = index.get("IndexName").and_then(Value::as_str).unwrap_or_default().to_owned();
                    if let Some(attribute) = partition_attribute(index) {
                        schemas.indexes.insert((table.clone(), name), attribute);
                    }
                }
            }
        }
        schemas
    }

    /// The partition key's value in an item or key.
    pub(super) fn of_item(&self, table: &str, item: Option<&Value>) -> Vec<String> {
        let value = self.tables.get(table).and_then(|attribute| scalar(item?.get(attribute)?));
        value.into_iter().collect()
    }

    /// The partition key's value that a query asks for.
    pub(super) fn of_query(&self, table: &str, query: &Value) -> Vec<String> {
        let attribute = match query.get("IndexName").and_then(Value::as_str) {
            Some(index) => self.indexes.get(&(table.to_owned(), index.to_owned())),
            None => self.tables.get(table),
        };
        attribute.and_then(|attribute| queried(attribute, query)).into_iter().collect()
    }
}

fn partition_attribute(schema: &Value) -> Option<String> {
    let elements = schema.get("KeySchema")?.as_array()?;
    let hash =
        elements.iter().find(|element| element.get("KeyType").and_then(Value::as_str) == Some("HASH"))?;
    hash.get("AttributeName")?.as_str().map(ToOwned::to_owned)
}

/// The value that a key condition equates the attribute with.
fn queried(attribute: &str, query: &Value) -> Option<String> {
    if let Some(conditions) = query.get("KeyConditions") {
        return scalar(conditions.get(attribute)?.get("AttributeValueList")?.get(0)?);
    }
    let expression = query.get("KeyConditionExpression")?.as_str()?;
    let names = query.get("ExpressionAttributeNames");
    let spaced = expression.replace('=', " = ").replace(['(', ')', ','], " ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let is_attribute = |word: &str| {
        word == attribute
            || names.and_then(|names| names.get(word)).and_then(Value::as_str) == Some(attribute)
    };
    let placeholder = words.windows(3).find_map(|window| match window {
        [left, "=", right] if is_attribute(left) => Some(*right),
        [left, "=", right] if is_attribute(right) => Some(*left),
        _ => None,
    })?;
    scalar(query.get("ExpressionAttributeValues")?.get(placeholder)?)
}

fn scalar(value: &Value) -> Option<String> {
    let (_, inner) = value.as_object()?.iter().next()?;
    inner.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_names_its_partition_in_any_of_its_spellings() {
        let schemas = KeySchemas::new([&json!({
            "TableName": "work",
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
            "GlobalSecondaryIndexes": [
                { "IndexName": "gsi1", "KeySchema": [{ "AttributeName": "gsi1pk", "KeyType": "HASH" }] },
            ],
        })]);
        let plain = json!({
            "KeyConditionExpression": "pk=:p AND begins_with(sk, :s)",
            "ExpressionAttributeValues": { ":p": { "S": "T#a" }, ":s": { "S": "x" } },
        });
        assert_eq!(schemas.of_query("work", &plain), ["T#a"]);
        let named = json!({
            "IndexName": "gsi1",
            "KeyConditionExpression": "(#k = :p)",
            "ExpressionAttributeNames": { "#k": "gsi1pk" },
            "ExpressionAttributeValues": { ":p": { "S": "T#b" } },
        });
        assert_eq!(schemas.of_query("work", &named), ["T#b"]);
    }
}
