//! What the engine calls: functions and services, each as the state machine's role may, and the event bus.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;
use toss_local_engine::{
    AwsCaller, CallError, FunctionAnswer, FunctionCall, ServiceCall, StatusListener, TaskInvoker,
};
use toss_local_protocol::{Caller, ServiceError};

use crate::functions::{Functions, error_document};
use crate::iam::{Access, Authority};
use crate::services::Router;
use crate::sources::{Deferred, EventBus};

/// Who calls, in messages.
const SESSION: &str = "states";

/// The engine's way into the home. The engine is a part of what it calls, so the rest is handed in when it is
/// there, and taken out again when the home closes; calls wait in between.
pub(super) struct Adapter {
    parts: watch::Sender<Option<Parts>>,
    authority: Arc<Authority>,
    /// The roles that Step Functions may assume.
    trusted: BTreeSet<String>,
    deferred: Deferred,
    events: EventBus,
}

/// What the engine calls.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) functions: Arc<Functions>,
    pub(super) router: Arc<Router>,
}

impl Adapter {
    pub(super) fn new(
        authority: Arc<Authority>,
        trusted: BTreeSet<String>,
        deferred: Deferred,
        events: EventBus,
    ) -> Self {
        Self { parts: watch::Sender::new(None), authority, trusted, deferred, events }
    }

    /// Lets calls through.
    pub(super) fn connect(&self, parts: Parts) {
        self.parts.send_replace(Some(parts));
    }

    /// Holds calls back again, and lets go of what they need.
    pub(super) fn disconnect(&self) {
        self.parts.send_replace(None);
    }

    async fn parts(&self) -> Parts {
        let mut parts = self.parts.subscribe();
        loop {
            if let Some(parts) = parts.borrow_and_update().clone() {
                return parts;
            }
            if parts.changed().await.is_err() {
                // The home is gone, and with it whoever waits here.
                std::future::pending::<()>().await;
            }
        }
    }

    fn assume(&self, role: &str) -> Result<Caller, CallError> {
        if self.trusted.contains(role) {
            return Ok(Caller::Role { arn: role.to_owned(), session: SESSION.to_owned() });
        }
        Err(CallError {
            status: 400,
            code: "AccessDeniedException".into(),
            message: format!(
                "Neither the template nor a trust policy lets Step Functions assume the role '{role}'."
            ),
        })
    }
}

impl TaskInvoker for Adapter {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        async move {
            self.assume(call.role)?;
            let parts = self.parts().await;
            let Some(function) = parts.functions.find(call.function) else {
                return Err(CallError {
                    status: 404,
                    code: "ResourceNotFoundException".into(),
                    message: format!("Function not found: {}", call.function),
                });
            };
            let access = Access::new("lambda:InvokeFunction", function.arn.clone());
            if let Some(message) = self.authority.refusal(call.role, SESSION, &access) {
                return Err(CallError { status: 403, code: "AccessDeniedException".into(), message });
            }
            if call.event {
                let payload: Value = serde_json::from_slice(&call.payload).unwrap_or_default();
                self.deferred.invoke(&function.name, &payload).await.map_err(call_error)?;
                return Ok(FunctionAnswer::Result(Bytes::new()));
            }
            match parts.functions.invoke(&function.name, call.payload).await {
                Ok(Ok(result)) => Ok(FunctionAnswer::Result(result)),
                Ok(Err(error)) => Ok(FunctionAnswer::Error(error_document(&error))),
                Err(error) => {
                    let (code, status) = error.code();
                    let code = code.trim_start_matches("Lambda.").to_owned();
                    Err(CallError { status, code, message: error.to_string() })
                }
            }
        }
        .boxed()
    }
}

impl AwsCaller for Adapter {
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        async move {
            let caller = self.assume(call.role)?;
            let prefix = match call.service {
                "dynamodb" => "DynamoDB_20120810",
                "events" | "eventbridge" => "AWSEvents",
                "kms" => "TrentService",
                "sfn" | "states" => "AWSStepFunctions",
                "sqs" => "AmazonSQS",
                other => {
                    return Err(CallError {
                        status: 400,
                        code: "UnsupportedServiceException".into(),
                        message: format!("The service {other} is not there on one machine."),
                    });
                }
            };
            let input = Bytes::from(wire_input(call.service, call.operation, call.input).to_string());
            let parts = self.parts().await;
            let output =
                parts.router.call(&caller, prefix, call.operation, input).await.map_err(call_error)?;
            if output.is_empty() {
                return Ok(json!({}));
            }
            serde_json::from_slice(&output).map_err(|error| CallError {
                status: 500,
                code: "InternalFailure".into(),
                message: format!("the service's answer is not JSON: {error}"),
            })
        }
        .boxed()
    }
}

impl StatusListener for Adapter {
    fn status_changed<'a>(&'a self, event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        async move { self.events.publish(event).await.map_err(call_error) }.boxed()
    }
}

/// Some members are texts on the wire that definitions may write as JSON.
fn wire_input(service: &str, operation: &str, mut input: Value) -> Value {
    let as_text = |value: &mut Value| {
        if !value.is_string() && !value.is_null() {
            *value = Value::String(value.to_string());
        }
    };
    match (service, operation) {
        ("sqs", "SendMessage") => {
            if let Some(body) = input.get_mut("MessageBody") {
                as_text(body);
            }
        }
        ("events" | "eventbridge", "PutEvents") => {
            for entry in input.get_mut("Entries").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(detail) = entry.get_mut("Detail") {
                    as_text(detail);
                }
            }
        }
        _ => {}
    }
    input
}

fn call_error(error: ServiceError) -> CallError {
    let code = error.code.rsplit('#').next().unwrap_or_default().to_owned();
    CallError { status: error.status, code, message: error.message }
}
