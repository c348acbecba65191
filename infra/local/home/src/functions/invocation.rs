//! One invocation, and how it can end.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use toss_runtime::FunctionError;

use super::PAYLOAD_LIMIT;
use crate::services::request_id;
use crate::template::model::Function;

/// The JSON text of a function's result, or its error.
pub(crate) type FunctionResult = Result<Bytes, FunctionError>;

/// An invocation on its way to a host.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    /// The JSON text of the event.
    pub(crate) payload: Bytes,
    pub(crate) received: Timestamp,
    pub(crate) timeout: Duration,
}

impl Invocation {
    /// An invocation that begins now.
    pub(super) fn begin(payload: Bytes, function: &Function) -> Self {
        let received = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { request_id: request_id(), payload, received, timeout: function.timeout }
    }

    /// When the invocation is cut off.
    pub(super) fn deadline(&self) -> Timestamp {
        self.received.checked_add(self.timeout).unwrap_or(Timestamp::MAX)
    }

    /// X-Ray's header, which names no trace that anyone collects.
    pub(super) fn trace_id(&self) -> String {
        let compact = self.request_id.replace('-', "");
        format!("Root=1-{:08x}-{};Sampled=0", self.received.as_second(), &compact[..24])
    }
}

/// An invocation that never reached its function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvokeError {
    /// No function of that name is in the template.
    #[error("Function not found: {function}")]
    Unknown { function: String },
    /// The payload is above Lambda's limit.
    #[error(
        "Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation; this one is {size}"
    )]
    PayloadTooLarge { size: usize },
    /// The function may not run at all, or the home is ending.
    #[error("Rate Exceeded: {function}")]
    Throttled { function: String },
}

impl InvokeError {
    /// Lambda's name for it, with its HTTP status.
    pub(crate) fn code(&self) -> (&'static str, u16) {
        match self {
            InvokeError::Unknown { .. } => ("Lambda.ResourceNotFoundException", 404),
            InvokeError::PayloadTooLarge { .. } => ("Lambda.RequestTooLargeException", 413),
            InvokeError::Throttled { .. } => ("Lambda.TooManyRequestsException", 429),
        }
    }
}

/// A function that ran past its time.
pub(super) fn timed_out(request_id: &str, timeout: Duration) -> FunctionError {
    let seconds = timeout.as_secs_f64();
    FunctionError::new(
        "Sandbox.Timedout",
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
    )
}

/// A function whose process ended instead of answering.
pub(super) fn crashed(request_id: &str) -> FunctionError {
    FunctionError::new(
        "Runtime.ExitError",
        format!("RequestId: {request_id} Error: Runtime exited with error: exit status 101"),
    )
}

/// A result above Lambda's limit.
pub(super) fn too_large() -> FunctionError {
    FunctionError::new(
        "Function.ResponseSizeTooLarge",
        format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."),
    )
}

/// The document that Lambda answers a caller with when a function fails.
pub(crate) fn error_document(error: &FunctionError) -> Bytes {
    json!({ "errorType": error.error_type, "errorMessage": error.error_message, "stackTrace": [] })
        .to_string()
        .into()
}
