//! What the engine needs of the home it lives in.

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;

/// Calls functions.
pub trait TaskInvoker: Send + Sync + 'static {
    /// Invokes the function with this payload, as `role`, and answers its result.
    ///
    /// After a crash an invocation whose answer was not yet on disk is made again.
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>>;
}

/// A call of a function.
#[derive(Debug, Clone)]
pub struct FunctionCall<'a> {
    /// The function's name or ARN, with a qualifier where the definition has one.
    pub function: &'a str,
    /// The JSON text of the payload.
    pub payload: Bytes,
    /// The ARN of the role that calls.
    pub role: &'a str,
    /// Whether the call only hands the payload over (`InvocationType: Event`).
    pub event: bool,
}

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionAnswer {
    /// The JSON text of its result.
    Result(Bytes),
    /// The JSON text of its error: `errorType`, `errorMessage`, and what else it says.
    Error(Bytes),
}

/// Calls other AWS services.
pub trait AwsCaller: Send + Sync + 'static {
    /// Makes the call and answers the members of its output.
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>>;
}

/// A call of a service.
#[derive(Debug, Clone)]
pub struct ServiceCall<'a> {
    /// The service as resources name it: `sqs`, `dynamodb`, `events`, `s3`, ...
    pub service: &'a str,
    /// The API's operation, such as `SendMessage`.
    pub operation: &'a str,
    /// The operation's input.
    pub input: Value,
    /// The ARN of the role that calls.
    pub role: &'a str,
}

/// A call that the service refused or could not carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    /// HTTP status.
    pub status: u16,
    /// The error's shape name, such as `ResourceNotFoundException`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
}

/// Is told how executions stand.
pub trait StatusListener: Send + Sync + 'static {
    /// Takes an EventBridge event `Step Functions Execution Status Change`. An event is offered again until it
    /// is taken, across restarts too, so the listener may see it more than once.
    fn status_changed<'a>(&'a self, event: &'a Value) -> BoxFuture<'a, Result<(), CallError>>;
}
