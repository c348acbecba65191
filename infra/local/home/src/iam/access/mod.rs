//! Which actions on which resources a call amounts to.

mod dynamodb;
mod leading_keys;
mod states;

use std::collections::BTreeMap;

use serde_json::Value;
use toss_local_protocol::ServiceError;

pub(crate) use leading_keys::KeySchemas;

/// One action on one resource, with the keys that conditions may ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Access {
    /// Such as `sqs:SendMessage`.
    pub(crate) action: String,
    /// An ARN, or `*` where an action concerns no resource.
    pub(crate) resource: String,
    context: BTreeMap<String, Vec<String>>,
}

impl Access {
    /// An action on a resource.
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: BTreeMap::new() }
    }

    /// Adds the values of a condition key.
    pub(crate) fn add_context(&mut self, key: &str, values: Vec<String>) {
        self.context.entry(key.to_ascii_lowercase()).or_default().extend(values);
    }

    /// The values of a condition key; none where the call has no such key.
    pub(super) fn context_values(&self, key: &str) -> Vec<String> {
        match key.to_ascii_lowercase().as_str() {
            "aws:securetransport" => vec!["true".into()],
            "aws:principalaccount" | "aws:sourceaccount" => vec![crate::template::ACCOUNT.into()],
            key => self.context.get(key).cloned().unwrap_or_default(),
        }
    }
}

/// Reads the accesses of a call: service by target prefix, operation, body.
#[derive(Debug)]
pub(crate) struct AccessReader {
    region: String,
    schemas: KeySchemas,
}

impl AccessReader {
    /// A reader for a home in this region with these tables.
    pub(crate) fn new(region: impl Into<String>, schemas: KeySchemas) -> Self {
        Self { region: region.into(), schemas }
    }

    /// The accesses of a call to DynamoDB or its streams, SQS or Step Functions.
    pub(crate) fn read(
        &self,
        prefix: &str,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<Access>, ServiceError> {
        let body: Value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body)
                .map_err(|error| ServiceError::serialization(format!("The body is not JSON: {error}")))?
        };
        match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => self.dynamodb(operation, &body),
            "AWSStepFunctions" => Ok(self.states(operation, &body)),
            "AWSEvents" => {
                Ok(vec![Access::new(format!("events:{operation}"), self.arn("events", "event-bus/default"))])
            }
            _ => Ok(Vec::new()),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, crate::template::ACCOUNT)
    }
}

/// A text member of a body.
fn text<'v>(body: &'v Value, member: &str) -> Option<&'v str> {
    body.get(member).and_then(Value::as_str)
}
