//! `DataValidation`: is the data what it should be?

mod rules;

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_kernel::activity::{ActivitySpec, ErrorSpec, Idempotency, IdempotencyLevel, RetryClass, Wait};
use toss_runtime::{Activity, ActivityCall, ActivityError, ConfigurationError, Platform};
use toss_schema::{MAX_VIOLATIONS, Schema, SchemaError, Violation};

use self::rules::Rule;

/// The longest message, so that it fits where Step Functions keeps causes.
const LONGEST_MESSAGE: usize = 8000;

/// Checks data against a JSON Schema and rules over several fields.
pub struct DataValidation;

/// What a step passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// What is checked.
    data: Value,
    /// The JSON Schema (2020-12) it must fit. It may refer to its own parts only.
    #[schemars(schema_with = "schema_of_a_schema")]
    schema: Value,
    /// Rules over the data, which their expressions see as their context.
    #[serde(default)]
    #[schemars(length(max = 100))]
    rules: Vec<Rule>,
}

fn schema_of_a_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["object", "boolean"] })
}

/// What the step's variable is bound to.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Valid {
    /// Always true: what is not valid raises `ValidationFailed`.
    valid: bool,
}

/// Why the data did not pass.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataValidationError {
    /// It does not fit.
    #[error("{0}")]
    ValidationFailed(String),
    /// The schema or a rule cannot be used.
    #[error("{0}")]
    InvalidSchema(String),
}

impl ActivityError for DataValidationError {
    fn all() -> Vec<ErrorSpec> {
        let error = |name: &str, description: &str| ErrorSpec {
            name: name.into(),
            class: RetryClass::Permanent,
            description: description.into(),
        };
        vec![
            error(
                "ValidationFailed",
                "The data does not fit. The cause lists every violation with its place.",
            ),
            error(
                "InvalidSchema",
                "The schema or a rule is not valid, or checking the data against it would take too long. Correct the step's `with`.",
            ),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::ValidationFailed(_) => "ValidationFailed",
            Self::InvalidSchema(_) => "InvalidSchema",
        }
    }
}

impl Activity for DataValidation {
    const TYPE: &'static str = "DataValidation";
    type Parameters = Parameters;
    type Output = Valid;
    type Error = DataValidationError;

    fn describe() -> ActivitySpec {
        ActivitySpec {
            activity_type: Self::TYPE.into(),
            title: "Validation".into(),
            description:
                "Checks data against a JSON Schema (2020-12) and rules over several fields, written in JSONata."
                    .into(),
            parameters: Value::Null,
            result: Value::Null,
            errors: Vec::new(),
            wait: Wait::RequestResponse,
            timeout: "30s".parse().ok(),
            retry: Default::default(),
            idempotency: Idempotency {
                level: IdempotencyLevel::Pure,
                statement: "It has no effect.".into(),
            },
            meters: vec!["compute".into()],
            takes: Vec::new(),
            example: json!({
                "activity": "DataValidation",
                "with": { "data": "{% $input.invoice %}", "schema": { "required": ["number", "amount"] } },
                "end": true,
            }),
        }
    }

    fn build(_: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self)
    }

    async fn run(&self, _: ActivityCall, parameters: Parameters) -> Result<Valid, DataValidationError> {
        // What a tenant wrote may take a second of computing: others are not to wait for it.
        let checked = tokio::task::spawn_blocking(move || check(&parameters)).await;
        checked.unwrap_or_else(|_| {
            Err(DataValidationError::InvalidSchema(
                "The schema or a rule cannot be evaluated. Simplify it.".into(),
            ))
        })
    }
}

fn check(parameters: &Parameters) -> Result<Valid, DataValidationError> {
    let unusable = |error: SchemaError| {
        let sentence = error.to_string();
        let (first, rest) = sentence.split_at(sentence.chars().next().map_or(0, char::len_utf8));
        DataValidationError::InvalidSchema(format!("{}{rest}.", first.to_uppercase()))
    };
    let schema = Schema::compile(&parameters.schema).map_err(unusable)?;
    let violations = schema.violations(&parameters.data).map_err(unusable)?;
    let broken = rules::broken(&parameters.rules, &parameters.data, violations.is_empty())
        .map_err(DataValidationError::InvalidSchema)?;
    if violations.is_empty() && broken.is_empty() {
        return Ok(Valid { valid: true });
    }
    Err(DataValidationError::ValidationFailed(message(&violations, &broken)))
}

/// All violations in one text, such as `2 violations: /amount: …; total: the lines do not add up`.
fn message(violations: &[Violation], broken: &[(&str, String)]) -> String {
    let total = violations.len() + broken.len();
    let more = if violations.len() == MAX_VIOLATIONS { " or more" } else { "" };
    let mut message = format!("{total}{more} violation{}: ", if total == 1 { "" } else { "s" });
    let places = violations.iter().map(|violation| {
        let place = if violation.pointer.is_empty() { "/" } else { &violation.pointer };
        format!("{place}: {}", violation.message)
    });
    let rules = broken.iter().map(|(name, sentence)| format!("{name}: {sentence}"));
    for (number, sentence) in places.chain(rules).enumerate() {
        if message.len() + sentence.len() > LONGEST_MESSAGE {
            // Writing to a String does not fail.
            let _ = write!(message, "; and {} more", total - number);
            break;
        }
        if number > 0 {
            message.push_str("; ");
        }
        message.push_str(&sentence);
    }
    message
}

#[cfg(test)]
mod tests;
