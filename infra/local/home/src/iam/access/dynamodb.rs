//! DynamoDB: tables, indexes and streams, operation by operation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use toss_local_protocol::ServiceError;

use super::{Access, AccessReader, text};
use crate::template::STREAM_LABEL;

impl AccessReader {
    pub(super) fn dynamodb(&self, operation: &str, body: &Value) -> Result<Vec<Access>, ServiceError> {
        Ok(match operation {
            "TransactWriteItems" => self.transaction(body, &WRITES),
            "TransactGetItems" => self.transaction(body, &[("Get", "GetItem", "Key")]),
            "BatchGetItem" => self.batch_get(body),
            "BatchWriteItem" => self.batch_write(body),
            "ExecuteStatement" | "ExecuteTransaction" | "BatchExecuteStatement" => {
                return Err(ServiceError::client(
                    "AccessDeniedException",
                    "PartiQL is not open to functions: no policy can narrow it here. Use the other operations.",
                ));
            }
            "ListTables" | "ListStreams" | "DescribeLimits" | "DescribeEndpoints" => {
                vec![Access::new(format!("dynamodb:{operation}"), "*")]
            }
            "DescribeStream" | "GetShardIterator" => {
                let table = text(body, "StreamArn").and_then(|arn| arn.split('/').nth(1)).unwrap_or_default();
                vec![self.stream_access(operation, table)]
            }
            "GetRecords" => {
                let iterator =
                    text(body, "ShardIterator").and_then(|iterator| STANDARD.decode(iterator).ok());
                let position: Option<Value> = iterator.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let table =
                    position.as_ref().and_then(|position| text(position, "table_name")).unwrap_or_default();
                vec![self.stream_access(operation, table)]
            }
            _ => vec![self.single(operation, body)],
        })
    }

    fn single(&self, operation: &str, body: &Value) -> Access {
        let table =
            table_of(text(body, "TableName").or_else(|| text(body, "ResourceArn")).unwrap_or_default());
        let resource = match text(body, "IndexName") {
            Some(index) => self.arn("dynamodb", &format!("table/{table}/index/{index}")),
            None => self.table_arn(table),
        };
        let mut access = Access::new(format!("dynamodb:{operation}"), resource);
        let keys = match operation {
            "Query" => self.schemas.of_query(table, body),
            _ => self.schemas.of_item(table, body.get("Key").or_else(|| body.get("Item"))),
        };
        access.add_context("dynamodb:LeadingKeys", keys);
        access
    }

    fn transaction(&self, body: &Value, kinds: &[(&str, &str, &str)]) -> Vec<Access> {
        let items = body.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
        items
            .flat_map(|item| {
                kinds.iter().filter_map(move |(kind, action, holder)| {
                    let part = item.get(kind)?;
                    let table = table_of(text(part, "TableName").unwrap_or_default());
                    let keys = self.schemas.of_item(table, part.get(holder));
                    Some(self.table_access(action, table, keys))
                })
            })
            .collect()
    }

    fn batch_get(&self, body: &Value) -> Vec<Access> {
        let tables = body.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
        tables
            .map(|(table, request)| {
                let table = table_of(table);
                let keys = request.get("Keys").and_then(Value::as_array).into_iter().flatten();
                let leading = keys.flat_map(|key| self.schemas.of_item(table, Some(key))).collect();
                self.table_access("BatchGetItem", table, leading)
            })
            .collect()
    }

    fn batch_write(&self, body: &Value) -> Vec<Access> {
        let tables = body.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
        tables
            .map(|(table, requests)| {
                let table = table_of(table);
                let requests = requests.as_array().into_iter().flatten();
                let leading = requests.flat_map(|request| {
                    let item = request.get("PutRequest").and_then(|put| put.get("Item"));
                    let key = request.get("DeleteRequest").and_then(|delete| delete.get("Key"));
                    self.schemas.of_item(table, item.or(key))
                });
                self.table_access("BatchWriteItem", table, leading.collect())
            })
            .collect()
    }

    fn table_access(&self, action: &str, table: &str, leading_keys: Vec<String>) -> Access {
        let mut access = Access::new(format!("dynamodb:{action}"), self.table_arn(table));
        access.add_context("dynamodb:LeadingKeys", leading_keys);
        access
    }

    fn stream_access(&self, operation: &str, table: &str) -> Access {
        let resource = self.arn("dynamodb", &format!("table/{table}/stream/{STREAM_LABEL}"));
        Access::new(format!("dynamodb:{operation}"), resource)
    }

    fn table_arn(&self, table: &str) -> String {
        self.arn("dynamodb", &format!("table/{table}"))
    }
}

/// A transaction's parts: the member, the action that allows it, and where its key is.
const WRITES: [(&str, &str, &str); 4] = [
    ("Put", "PutItem", "Item"),
    ("Update", "UpdateItem", "Key"),
    ("Delete", "DeleteItem", "Key"),
    ("ConditionCheck", "ConditionCheckItem", "Key"),
];

/// The table's name, where its ARN may stand in its place.
fn table_of(name_or_arn: &str) -> &str {
    name_or_arn.split(":table/").nth(1).map_or(name_or_arn, |rest| rest.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::KeySchemas;
    use super::*;

    fn reader() -> AccessReader {
        let table =
            json!({ "TableName": "work", "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }] });
        AccessReader::new("us-east-1", KeySchemas::new([&table]))
    }

    #[test]
    fn a_transaction_needs_what_each_of_its_parts_needs() {
        let accesses = reader()
            .dynamodb(
                "TransactWriteItems",
                &json!({ "TransactItems": [
                    { "Put": { "TableName": "work", "Item": { "pk": { "S": "T#a" } } } },
                    { "ConditionCheck": { "TableName": "limits", "Key": { "pk": { "S": "T#a" } } } },
                ]}),
            )
            .unwrap();
        let told: Vec<_> =
            accesses.iter().map(|access| (access.action.as_str(), access.resource.as_str())).collect();
        assert_eq!(
            told,
            [
                ("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:000000000000:table/work"),
                ("dynamodb:ConditionCheckItem", "arn:aws:dynamodb:us-east-1:000000000000:table/limits"),
            ]
        );
        assert_eq!(accesses[0].context_values("dynamodb:leadingkeys"), ["T#a"]);
    }

    #[test]
    fn partiql_is_refused_as_a_whole() {
        assert_eq!(
            reader().dynamodb("ExecuteStatement", &json!({})).unwrap_err().code,
            "AccessDeniedException"
        );
    }

    #[test]
    fn a_query_of_an_index_is_an_access_to_the_index() {
        let access = reader().single("Query", &json!({ "TableName": "work", "IndexName": "gsi1" }));
        assert_eq!(access.resource, "arn:aws:dynamodb:us-east-1:000000000000:table/work/index/gsi1");
    }
}
