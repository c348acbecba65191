//! Fields that must be numbers, however the definition gives them.

use super::states::read_path;
use crate::Value;
use crate::choice::unexpected;
use crate::program::{Source, Text};
use crate::template::{EvaluationError, Scope};

/// A whole number, also one that is written as a string.
pub(super) fn whole(text: &Text, scope: &impl Scope, field: &str) -> Result<i64, EvaluationError> {
    let value = value(text, scope, field)?;
    let number = match &value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| refused(text, &value, field, "integer"))
}

/// A number, also one that is written as a string.
pub(super) fn decimal(text: &Text, scope: &impl Scope, field: &str) -> Result<f64, EvaluationError> {
    let value = value(text, scope, field)?;
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| refused(text, &value, field, "float"))
}

fn value(text: &Text, scope: &impl Scope, field: &str) -> Result<Value, EvaluationError> {
    match text {
        Text::Path(Source::Path(path)) => read_path(path, scope),
        other => other.evaluate(scope, field),
    }
}

fn refused(text: &Text, value: &Value, field: &str, expected: &str) -> EvaluationError {
    match text {
        Text::Path(source) => {
            let shown = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
            EvaluationError::runtime(format!(
                "The {field}Path field refers to value \"{shown}\" which is not a valid {expected}: {}",
                source.text()
            ))
        }
        Text::Expression(expression) => unexpected(expression.source(), field, "number", value),
        Text::Fixed(_) => EvaluationError::runtime(format!(
            "The {field} field has the value {} which is not a valid {expected}",
            value.to_json()
        )),
    }
}
