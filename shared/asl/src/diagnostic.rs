//! What is wrong with a definition, in AWS's words.

use serde::Serialize;
use std::fmt;

/// How grave a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// The definition cannot be deployed.
    Error,
    /// The definition can be deployed, but likely does not do what its author means.
    Warning,
}

/// One finding about a definition, as `ValidateStateMachineDefinition` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the definition can still be deployed.
    pub severity: Severity,
    /// AWS's code, such as `SCHEMA_VALIDATION_FAILED` or `MISSING_TRANSITION_TARGET`.
    pub code: &'static str,
    /// AWS's sentence, without the place.
    pub message: String,
    /// The JSON pointer of the place, such as `/States/Pay/Next`, or the position of a JSON syntax error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What is wrong with a Label: it is refused in words of its own.
    #[serde(skip)]
    pub(crate) label_problem: Option<String>,
    /// The whole rejection, where it does not follow the rule.
    #[serde(skip)]
    pub(crate) rejection: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, message: impl Into<String>, location: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            location: Some(location.into()),
            label_problem: None,
            rejection: None,
        }
    }
}

/// The form inside a `CreateStateMachine` rejection: `CODE: message at /place`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.location {
            Some(location) if self.code != "INVALID_JSON_DESCRIPTION" => write!(f, " at {location}"),
            _ => Ok(()),
        }
    }
}

/// The message with which `CreateStateMachine` and `UpdateStateMachine` refuse a definition
/// (error code `InvalidDefinition`).
#[must_use]
pub fn rejection(diagnostics: &[Diagnostic]) -> String {
    if let Some(whole) = diagnostics.iter().find_map(|found| found.rejection.as_ref()) {
        return whole.clone();
    }
    let mut message = String::from("Invalid State Machine Definition: '");
    let mut separator = "";
    for diagnostic in diagnostics.iter().filter(|found| found.severity == Severity::Error) {
        message.push_str(separator);
        message.push_str(&diagnostic.to_string());
        separator = ", ";
    }
    message.push('\'');
    message
}
