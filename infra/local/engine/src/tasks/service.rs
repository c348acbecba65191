//! Calling other AWS services.

use serde_json::{Map, Value, json};
use toss_asl::{Failure, Invocation, Payload, ResourceKind};

use crate::{core::Core, home::ServiceCall};

use super::{Answer, metadata, refused};

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
    let output = core.caller.call(call).await.map_err(|error| {
        let prefix = if sdk { sdk_prefix(name) } else { integration_prefix(name).to_owned() };
        refused(&prefix, service_name(name), &error)
    })?;
    if name == "events" && output.get("FailedEntryCount").and_then(Value::as_u64).unwrap_or(0) > 0 {
        return Err(Failure::new("EventBridge.FailedEntry", output.to_string()));
    }
    let length = output.to_string().len();
    let mut members = match output {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if !sdk && name != "events" {
        for (name, value) in metadata(length, "application/x-amz-json-1.0") {
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

fn capitalised(action: &str) -> String {
    let mut letters = action.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn integration_prefix(service: &str) -> &str {
    match service {
        "dynamodb" => "DynamoDB",
        "sqs" => "SQS",
        "sns" => "SNS",
        "events" => "EventBridge",
        "s3" => "S3",
        other => other,
    }
}

fn sdk_prefix(service: &str) -> String {
    match service {
        "dynamodb" => "DynamoDb".to_owned(),
        "eventbridge" => "EventBridge".to_owned(),
        other => capitalised(other),
    }
}

fn service_name(service: &str) -> &str {
    match service {
        "dynamodb" => "AmazonDynamoDBv2",
        "sqs" => "AmazonSQS",
        "sns" => "AmazonSNS",
        "events" | "eventbridge" => "AmazonEventBridge",
        "s3" => "Amazon S3",
        "sfn" => "AWSStepFunctions",
        "kms" => "AWSKMS",
        other => other,
    }
}
