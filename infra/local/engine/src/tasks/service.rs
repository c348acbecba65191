//! Calling other AWS services.

use serde_json::{Map, Value, json};
use toss_asl::{Failure, Invocation, Payload, ResourceKind};

use crate::{core::Core, home::ServiceCall};

use super::{
    Answer,
    failures::{refused, refused_by_sdk},
    http::{Shape, metadata},
};

/// A service integration or a call of the AWS SDK.
pub(super) async fn call(core: &Core, invocation: &Invocation, role: &str) -> Answer {
    let resource = &invocation.resource;
    let name = resource.service().trim_start_matches("aws-sdk:");
    let sdk = matches!(resource.kind(), ResourceKind::Sdk(_));
    let mut input = invocation.parameters.to_json();
    if !sdk {
        as_the_service_wants_it(name, &mut input);
    }
    let operation = capitalised(resource.action());
    let call = ServiceCall { service: name, operation: &operation, input, role };
    let output = core
        .caller
        .call(call)
        .await
        .map_err(|error| if sdk { refused_by_sdk(name, &error) } else { refused(name, &error) })?;
    if name == "events" && output.get("FailedEntryCount").and_then(Value::as_u64).unwrap_or(0) > 0 {
        return Err(Failure::new("EventBridge.FailedEntry", output.to_string()));
    }
    let body = output.to_string();
    let mut members = match output {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if !sdk && name != "events" {
        let shape = match name {
            "dynamodb" => Shape::DynamoDb,
            "sns" => Shape::Xml,
            _ => Shape::Json,
        };
        for (name, value) in metadata(core, shape, &body) {
            members.insert(name.into(), value);
        }
    }
    Ok(Payload::from_value(Value::Object(members).into()))
}

/// Optimised integrations take objects where the API takes text.
fn as_the_service_wants_it(service: &str, input: &mut Value) {
    let as_text = |value: &mut Value| {
        if !value.is_string() {
            *value = json!(value.to_string());
        }
    };
    match service {
        "sqs" => {
            if let Some(body) = input.get_mut("MessageBody") {
                as_text(body);
            }
        }
        "sns" => {
            if let Some(message) = input.get_mut("Message") {
                as_text(message);
            }
        }
        "events" => {
            let entries = input.get_mut("Entries").and_then(Value::as_array_mut);
            for detail in entries.into_iter().flatten().filter_map(|entry| entry.get_mut("Detail")) {
                as_text(detail);
            }
        }
        _ => {}
    }
}

pub(super) fn capitalised(action: &str) -> String {
    let mut letters = action.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
