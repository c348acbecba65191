//! What an activity type declares about itself.
//!
//! The functions' registries produce these values, the catalogue stores them, the compiler and the checks read
//! them: one description, so that a definition can be refused for what a function would refuse at run time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Span;

/// One type of activity: its contract with authors, with the compiler and with the meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivitySpec {
    /// The name authors write, such as `HttpRequest`.
    #[serde(rename = "type")]
    pub activity_type: String,
    /// A few words for lists.
    pub title: String,
    /// What it does, in Markdown.
    pub description: String,
    /// JSON Schema (2020-12) of what a step passes in `with`.
    pub parameters: Value,
    /// JSON Schema of what the step's variable is bound to.
    pub result: Value,
    /// The errors it raises, by short name.
    #[serde(default)]
    pub errors: Vec<ErrorSpec>,
    /// How the step reaches it.
    pub wait: Wait,
    /// How long a step waits for it when the author says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How retryable errors are retried when the author says nothing.
    #[serde(default)]
    pub retry: RetrySpec,
    /// What happens when it runs twice.
    pub idempotency: Idempotency,
    /// The resources it meters, such as `network` or `api_requests`.
    #[serde(default)]
    pub meters: Vec<String>,
    /// Keys of the step, beside `with`, that reach it as parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<StepOption>,
    /// A step that uses it, as a definition writes it.
    pub example: Value,
}

/// An error an activity raises. On the wire its name is `<ActivityType>.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// The short name, such as `Timeout`.
    pub name: String,
    /// Whether trying again can help.
    pub class: RetryClass,
    /// When it is raised and what to do.
    pub description: String,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// The same call may succeed later.
    Retryable,
    /// The same call fails again.
    Permanent,
    /// A defect of the platform: it fails again, and the operator is told.
    Bug,
}

/// How a step reaches its activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The function's answer is the result.
    RequestResponse,
    /// The function starts the work; whoever holds the task token ends it.
    TaskToken,
    /// The state machine does it itself: no function is called.
    Native,
}

/// A schedule of retries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Attempts after the first.
    pub max: u32,
    /// Wait before the first retry.
    pub interval: Span,
    /// By what each wait grows.
    pub backoff: f64,
    /// The longest wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval: Option<Span>,
    /// Whether waits are spread at random.
    pub jitter: bool,
}

impl Default for RetrySpec {
    fn default() -> Self {
        let second = "1s".parse::<Span>().unwrap_or(Span::MAX);
        Self { max: 3, interval: second, backoff: 2.0, max_interval: None, jitter: true }
    }
}

/// What happens when an activity runs twice for the same step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// Whether a second run is harmless.
    pub level: IdempotencyLevel,
    /// The statement for the reference page.
    pub statement: String,
}

/// Whether a second run of the same step is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdempotencyLevel {
    /// It has no effect outside its result.
    Pure,
    /// The platform recognises the second run and does nothing twice.
    Keyed,
    /// It depends on the counterpart that the author calls.
    Counterpart,
}

/// A key of the step that reaches the activity as a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOption {
    /// `timeout: 48h` arrives as `timeout_seconds: 172800`.
    Timeout,
    /// `escalate: {after: 24h, to: [cfo]}` arrives as `escalate: {after_seconds: 86400, to: ["cfo"]}`.
    Escalate,
}

impl StepOption {
    /// The parameter's name.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Timeout => "timeout_seconds",
            Self::Escalate => "escalate",
        }
    }
}

impl ActivitySpec {
    /// The error of this short or full name.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&ErrorSpec> {
        let short =
            name.strip_prefix(&self.activity_type).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        self.errors.iter().find(|error| error.name == short)
    }

    /// The name of an error on the wire.
    #[must_use]
    pub fn full_error_name(&self, short: &str) -> String {
        format!("{}.{short}", self.activity_type)
    }
}
