//! Rules over several fields: JSONata expressions that must answer true.

use std::time::{Duration, Instant};

use jsonata_core::{
    evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions},
    parser,
    value::JValue,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The time for all rules of a step.
const TIME: Duration = Duration::from_secs(5);

const MAX_STACK: usize = 1_000;
const MAX_SEQUENCE: usize = 100_000;

/// A rule over several fields.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The rule's name.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// A JSONata expression, without `{% %}`, that must answer true. It sees the data and nothing else.
    #[schemars(length(min = 1, max = 10_000))]
    expression: String,
    /// What to say when it does not hold.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    message: Option<String>,
}

/// The rules that do not hold, with what there is to say. Data that is already known not to fit its schema may
/// lack what a rule is about: then a rule that cannot be evaluated says nothing.
///
/// # Errors
/// A sentence, when a rule is not an expression.
pub(super) fn broken<'a>(
    rules: &'a [Rule],
    data: &Value,
    fits: bool,
) -> Result<Vec<(&'a str, String)>, String> {
    let mut broken = Vec::new();
    if rules.is_empty() {
        return Ok(broken);
    }
    let (context, started) = (jsonata(data), Instant::now());
    for rule in rules {
        let ast = parser::parse(&rule.expression)
            .map_err(|error| format!("The rule '{}' is not a JSONata expression: {error}.", rule.name))?;
        let left = TIME.saturating_sub(started.elapsed());
        let sentence = match evaluate(&ast, &context, left) {
            Ok(JValue::Bool(true)) => continue,
            Ok(_) => rule.message.clone().unwrap_or_else(|| "it does not hold".into()),
            Err(_) if !fits => continue,
            Err(error) => format!("it cannot be evaluated ({})", error.message()),
        };
        broken.push((rule.name.as_str(), sentence.chars().take(1000).collect()));
    }
    Ok(broken)
}

fn evaluate(
    ast: &jsonata_core::ast::AstNode,
    data: &JValue,
    left: Duration,
) -> Result<JValue, EvaluatorError> {
    let options = EvaluatorOptions {
        timeout_ms: Some(u64::try_from(left.as_millis()).unwrap_or(0).max(1)),
        cancel: None,
        max_stack_depth: Some(MAX_STACK),
        max_sequence_length: Some(MAX_SEQUENCE),
    };
    let mut evaluator = Evaluator::with_options(Context::new(), options);
    // One compiles text, the other makes text of any length in one step that no limit interrupts.
    for name in ["eval", "pad"] {
        evaluator.register_fn_override(name, move |_: &[JValue]| {
            Err(EvaluatorError::EvaluationError(format!("${name} is not available in rules")))
        })?;
    }
    evaluator.evaluate(ast, data)
}

fn jsonata(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(value) => JValue::Bool(*value),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => JValue::from(text.clone()),
        Value::Array(items) => JValue::array(items.iter().map(jsonata).collect()),
        Value::Object(members) => {
            JValue::object(members.iter().map(|(name, value)| (name.clone(), jsonata(value))).collect())
        }
    }
}
