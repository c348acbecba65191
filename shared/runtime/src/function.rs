//! A function as Lambda sees it: an event in, a document or a named error out.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConfigurationError, Grant, Platform, Sizing, Trigger, telemetry::Observed};

/// What Lambda tells about one invocation.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    /// The invocation's id; the same when Lambda tries again.
    pub request_id: String,
    /// When the invocation began.
    pub received: Timestamp,
    /// When the invocation will be cut off.
    pub deadline: Timestamp,
    /// The X-Ray trace header, if there is one.
    pub trace_id: Option<String>,
}

/// A failed invocation, as Lambda reports it. Step Functions' `Retry` and `Catch` match on `error_type`,
/// which is therefore part of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error_type}: {error_message}")]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The stable name, such as `HttpRequest.Timeout`.
    pub error_type: String,
    /// The sentence for people.
    pub error_message: String,
}

impl FunctionError {
    /// A failed invocation.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), error_message: error_message.into() }
    }
}

/// The sentence for people in the cause of a failed execution. Step Functions gives a function's whole error
/// document as the cause; other causes are sentences already.
#[must_use]
pub fn sentence(cause: String) -> String {
    serde_json::from_str::<FunctionError>(&cause).map_or(cause, |error| error.error_message)
}

/// One Lambda function, built once and invoked many times.
pub trait Function: Send + Sync + 'static {
    /// Handles one event.
    fn invoke<'a>(
        &'a self,
        event: Value,
        context: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>>;
}

/// A function of a trust group: its name in the template and how it is built.
#[derive(Clone)]
pub struct FunctionDefinition {
    /// The `Handler` property of the function in the template.
    pub handler: &'static str,
    /// Builds it; callers use [`FunctionDefinition::start`]. Connections are opened lazily.
    pub build: fn(&Platform) -> Result<Arc<dyn Function>, ConfigurationError>,
    /// What it may touch; its role and its settings in the template are made from this.
    pub grants: &'static [Grant],
    /// Its memory and time in the template.
    pub sizing: Sizing,
    /// What invokes it, if neither a route nor a state machine does.
    pub triggers: &'static [Trigger],
}

impl FunctionDefinition {
    /// A function that may touch nothing, of small size.
    pub const fn new(
        handler: &'static str,
        build: fn(&Platform) -> Result<Arc<dyn Function>, ConfigurationError>,
    ) -> Self {
        Self { handler, build, grants: &[], sizing: Sizing::SMALL, triggers: &[] }
    }

    /// With these grants.
    #[must_use]
    pub const fn grants(mut self, grants: &'static [Grant]) -> Self {
        self.grants = grants;
        self
    }

    /// Invoked by these event sources.
    #[must_use]
    pub const fn triggers(mut self, triggers: &'static [Trigger]) -> Self {
        self.triggers = triggers;
        self
    }

    /// With this memory and time.
    #[must_use]
    pub const fn sizing(mut self, sizing: Sizing) -> Self {
        self.sizing = sizing;
        self
    }

    /// Builds the function and has it report on its invocations.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    pub fn start(&self, platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
        let function = (self.build)(platform)?;
        Ok(Arc::new(Observed::new(self.handler, function, Arc::clone(&platform.metrics))))
    }

    /// The definition with this handler name.
    ///
    /// # Errors
    /// [`ConfigurationError::UnknownHandler`] when there is none.
    pub fn find<'a>(definitions: &'a [Self], handler: &str) -> Result<&'a Self, ConfigurationError> {
        definitions.iter().find(|definition| definition.handler == handler).ok_or_else(|| {
            ConfigurationError::UnknownHandler {
                handler: handler.to_owned(),
                known: definitions.iter().map(|definition| definition.handler).collect::<Vec<_>>().join(", "),
            }
        })
    }
}

impl std::fmt::Debug for FunctionDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FunctionDefinition").field(&self.handler).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_error_document_is_told_as_its_sentence_and_other_causes_as_they_are() {
        let document =
            r#"{"errorType":"HttpRequest.Timeout","errorMessage":"No answer in 5 s.","stackTrace":[]}"#;
        assert_eq!(sentence(document.to_owned()), "No answer in 5 s.");
        for cause in ["", "plain", "{\"a\":1}", "[]"] {
            assert_eq!(sentence(cause.to_owned()), cause);
        }
    }
}
