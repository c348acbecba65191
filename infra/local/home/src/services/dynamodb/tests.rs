use serde_json::{Value, json};

use super::*;
use crate::template::fixture::load_text;

const TEMPLATE: &str = "
Resources:
  Work:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: work
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      TimeToLiveSpecification: { AttributeName: ttl, Enabled: true }
";

fn open(folder: &Path, template: &str) -> Result<Tables, TableError> {
    let model = load_text(template).unwrap();
    Tables::open(&folder.join("tables.db"), "us-east-1", model.tables.values())
}

fn call(tables: &Tables, operation: &str, body: &Value) -> Result<Value, ServiceError> {
    let output = tables.carry_out(operation, body.to_string().as_bytes())?;
    Ok(serde_json::from_slice(&output).unwrap())
}

#[test]
fn items_outlive_the_process_and_tables_are_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let item = json!({ "pk": { "S": "a" }, "sk": { "S": "b" }, "n": { "N": "1" } });
    {
        let tables = open(folder.path(), TEMPLATE).unwrap();
        call(&tables, "PutItem", &json!({ "TableName": "work", "Item": item })).unwrap();
    }
    let tables = open(folder.path(), TEMPLATE).unwrap();
    let key = json!({ "pk": { "S": "a" }, "sk": { "S": "b" } });
    let found = call(&tables, "GetItem", &json!({ "TableName": "work", "Key": key })).unwrap();
    assert_eq!(found["Item"], item);
    let expiry = call(&tables, "DescribeTimeToLive", &json!({ "TableName": "work" })).unwrap();
    assert_eq!(expiry["TimeToLiveDescription"]["AttributeName"], "ttl");
}

#[test]
fn an_index_that_the_template_gains_is_added() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), TEMPLATE).unwrap());
    let gained = TEMPLATE.replace(
        "{ AttributeName: sk, AttributeType: S }]",
        "{ AttributeName: sk, AttributeType: S }, { AttributeName: g, AttributeType: S }]
      GlobalSecondaryIndexes:
        - { IndexName: gsi1, KeySchema: [{ AttributeName: g, KeyType: HASH }], Projection: { ProjectionType: ALL } }",
    );
    let tables = open(folder.path(), &gained).unwrap();
    let described = call(&tables, "DescribeTable", &json!({ "TableName": "work" })).unwrap();
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["IndexName"], "gsi1");
    assert_eq!(described["Table"]["TableArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/work");
}

#[test]
fn keys_that_the_template_changes_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), TEMPLATE).unwrap());
    let changed = TEMPLATE.replace("AttributeName: sk", "AttributeName: range");
    let error = open(folder.path(), &changed).err().unwrap();
    assert!(matches!(error, TableError::KeysChanged { .. }), "{error}");
}

#[test]
fn a_cancelled_transaction_tells_its_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(folder.path(), TEMPLATE).unwrap();
    let put = json!({ "Put": {
        "TableName": "work",
        "Item": { "pk": { "S": "a" }, "sk": { "S": "b" } },
        "ConditionExpression": "attribute_exists(pk)",
    }});
    let error = call(&tables, "TransactWriteItems", &json!({ "TransactItems": [put] })).unwrap_err();
    assert!(error.code.ends_with("#TransactionCanceledException"));
    assert_eq!(error.members["CancellationReasons"][0]["Code"], "ConditionalCheckFailed");
}

#[test]
fn nonsense_is_a_client_error() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(folder.path(), TEMPLATE).unwrap();
    for body in ["", "[]", "nonsense", "{}", "{\"TableName\":7}", "{\"TableName\":\"work\",\"Item\":[]}"] {
        let error = tables.carry_out("PutItem", body.as_bytes()).unwrap_err();
        assert_eq!(error.status, 400, "{body}: {error}");
    }
    assert_eq!(tables.carry_out("Nothing", b"{}").unwrap_err().code, "UnknownOperationException");
}

#[test]
fn stream_records_that_were_read_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let tables = open(folder.path(), TEMPLATE).unwrap();
    for n in 0..3 {
        let item = json!({ "pk": { "S": "a" }, "sk": { "S": n.to_string() } });
        call(&tables, "PutItem", &json!({ "TableName": "work", "Item": item })).unwrap();
    }
    let upkeep = Upkeep::open(&folder.path().join("tables.db")).unwrap();
    assert_eq!(upkeep.forget("work", 0, 0).unwrap(), 0);
    assert_eq!(upkeep.forget("work", i64::MAX, 0).unwrap(), 3);
}
