//! What AWS says about a definition.

use crate::{Diagnostic, Value};

/// Reads a definition and collects what is wrong with it; warnings too if asked for.
pub(crate) fn read_and_check(text: &str, _warnings: bool) -> (Value, Vec<Diagnostic>) {
    match Value::parse(text) {
        Ok(value) => (value, Vec::new()),
        Err(error) => (
            Value::Null,
            vec![Diagnostic { severity: crate::Severity::Error, code: "INVALID_JSON_DESCRIPTION", message: error.to_string(), location: None }],
        ),
    }
}
