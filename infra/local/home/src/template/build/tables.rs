//! `AWS::DynamoDB::Table`.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use crate::template::model::{Model, Table};

/// The members of a table's properties that `CreateTable` takes as they are.
const CREATE_MEMBERS: &[&str] =
    &["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"];

pub(super) fn add(model: &mut Model, fields: Fields<'_>) {
    let name = fields.resource.name.clone();
    let mut create = Map::new();
    create.insert("TableName".into(), json!(name));
    if fields.resource.kind == "AWS::Serverless::SimpleTable" {
        let key = fields.inside("PrimaryKey");
        let attribute = key.and_then(|key| key.text("Name")).unwrap_or_else(|| "id".into());
        create.insert(
            "AttributeDefinitions".into(),
            json!([{ "AttributeName": attribute, "AttributeType": "S" }]),
        );
        create.insert("KeySchema".into(), json!([{ "AttributeName": attribute, "KeyType": "HASH" }]));
    }
    for member in CREATE_MEMBERS {
        if let Some(value) = fields.raw(member) {
            create.insert((*member).into(), without_throughput(value));
        }
    }
    for required in ["AttributeDefinitions", "KeySchema"] {
        if !create.contains_key(required) {
            fields.problem(format!("{required} is missing"));
        }
    }
    // Capacity means nothing on one machine.
    create.insert("BillingMode".into(), json!("PAY_PER_REQUEST"));
    if let Some(stream) = fields.inside("StreamSpecification") {
        let view = stream.required("StreamViewType");
        create.insert("StreamSpecification".into(), json!({ "StreamEnabled": true, "StreamViewType": view }));
    }
    let time_to_live = fields
        .inside("TimeToLiveSpecification")
        .filter(|specification| specification.flag("Enabled"))
        .map(|specification| specification.required("AttributeName"));
    model.tables.insert(name.clone(), Table { name, create: Value::Object(create), time_to_live });
}

fn without_throughput(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(without_throughput).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(name, _)| {
                    !matches!(
                        name.as_str(),
                        "ProvisionedThroughput" | "OnDemandThroughput" | "ContributorInsightsSpecification"
                    )
                })
                .map(|(name, member)| (name.clone(), member.clone()))
                .collect(),
        ),
        other => other.clone(),
    }
}
