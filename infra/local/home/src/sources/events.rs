//! The event bus: events of executions and of `PutEvents`, sent where the template's rules say.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_kernel::Clock;
use toss_local_protocol::{Caller, JsonService, ServiceError};

use super::Deferred;
use super::pattern::fits;
use crate::services::request_id;
use crate::template::ACCOUNT;
use crate::template::model::Rule;

/// The most entries of a `PutEvents` call.
const ENTRIES: usize = 10;

/// The default event bus.
#[derive(Clone)]
pub(crate) struct EventBus {
    rules: Arc<[Rule]>,
    deferred: Deferred,
    region: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl EventBus {
    /// A bus with the rules of a template.
    pub(crate) fn new(rules: Vec<Rule>, deferred: Deferred, region: &str, clock: Arc<dyn Clock>) -> Self {
        Self { rules: rules.into(), deferred, region: region.into(), clock }
    }

    /// Hands an event to all rules that want it. What they invoke is on disk when this answers.
    pub(crate) async fn publish(&self, event: &Value) -> Result<(), ServiceError> {
        for rule in self.rules.iter().filter(|rule| fits(&rule.pattern, event)) {
            for target in &rule.targets {
                self.deferred.invoke(&target.function, target.input.as_ref().unwrap_or(event)).await?;
            }
        }
        Ok(())
    }

    async fn put(&self, body: &[u8]) -> Result<Bytes, ServiceError> {
        let input: Value = serde_json::from_slice(body)
            .map_err(|error| ServiceError::serialization(format!("The body is not JSON: {error}")))?;
        let entries = input.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if entries.is_empty() || entries.len() > ENTRIES {
            let message = format!("Entries must have between 1 and {ENTRIES} elements.");
            return Err(ServiceError::client("ValidationException", message));
        }
        let mut answers = Vec::new();
        let mut failed = 0;
        for entry in entries {
            match self.event_of(entry) {
                Ok(event) => {
                    self.publish(&event).await?;
                    answers.push(json!({ "EventId": event["id"] }));
                }
                Err(message) => {
                    failed += 1;
                    answers.push(json!({ "ErrorCode": "InvalidArgument", "ErrorMessage": message }));
                }
            }
        }
        Ok(json!({ "Entries": answers, "FailedEntryCount": failed }).to_string().into())
    }

    fn event_of(&self, entry: &Value) -> Result<Value, String> {
        let text = |member: &str| {
            let value = entry.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
            value.ok_or_else(|| {
                format!("Parameter {member} is not valid. Reason: {member} is a required argument.")
            })
        };
        let detail: Value = serde_json::from_str(text("Detail")?)
            .ok()
            .filter(Value::is_object)
            .ok_or("Parameter Detail is not valid. Reason: Detail is not a JSON object.")?;
        let time = entry
            .get("Time")
            .and_then(Value::as_f64)
            .and_then(|seconds| jiff::Timestamp::from_millisecond((seconds * 1e3) as i64).ok());
        Ok(json!({
            "version": "0",
            "id": request_id(),
            "detail-type": text("DetailType")?,
            "source": text("Source")?,
            "account": ACCOUNT,
            "time": time.unwrap_or_else(|| self.clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": &*self.region,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        }))
    }
}

impl JsonService for EventBus {
    fn target_prefix(&self) -> &'static str {
        "AWSEvents"
    }

    fn content_type(&self) -> &'static str {
        "application/x-amz-json-1.1"
    }

    fn call<'a>(
        &'a self,
        _caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>> {
        async move {
            match operation {
                "PutEvents" => self.put(&body).await,
                other => Err(ServiceError::unknown_operation(other)),
            }
        }
        .boxed()
    }
}
