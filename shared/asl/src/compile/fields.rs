//! The fields that states share.

use super::{Names, names};
use crate::jsonata::Expression;
use crate::jsonpath::{JsonPath, ReferencePath};
use crate::program::{Catcher, Language, Place, Retrier, Select, Source, Text};
use crate::template::{Template, TemplateError, expression_source};
use crate::{Diagnostic, Value};

const INVALID: &str = "SCHEMA_VALIDATION_FAILED";

pub(super) fn template(
    holder: &Value,
    field: &str,
    language: Language,
    place: &str,
) -> Result<Option<Template>, Diagnostic> {
    let Some(value) = holder.get(field) else { return Ok(None) };
    Template::compile(value, language)
        .map(Some)
        .map_err(|error| template_error(error, &format!("{place}/{field}")))
}

pub(crate) fn template_error(error: TemplateError, place: &str) -> Diagnostic {
    match error {
        TemplateError::NotAPath { text, place: inner } => Diagnostic::error(
            INVALID,
            format!(
                "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
                {
                    let _ = text;
                    inner.rsplit('/').next().unwrap_or_default().to_owned()
                }
            ),
            format!("{place}{inner}"),
        ),
        TemplateError::Expression { reason, place: inner } => Diagnostic::error(
            INVALID,
            format!("Invalid JSONata expression: {reason}"),
            format!("{place}{inner}"),
        ),
    }
}

pub(super) fn select(holder: &Value, field: &str, place: &str) -> Result<Select, Diagnostic> {
    match holder.get(field) {
        None => Ok(Select::Whole),
        Some(Value::Null) => Ok(Select::Nothing),
        Some(value) => {
            let path = json_path(value, &format!("{place}/{field}"))?;
            Ok(if path.is_whole_input() { Select::Whole } else { Select::Path(path) })
        }
    }
}

pub(super) fn json_path(value: &Value, place: &str) -> Result<JsonPath, Diagnostic> {
    value
        .as_str()
        .and_then(JsonPath::parse)
        .ok_or_else(|| Diagnostic::error(INVALID, "Value is not a valid JSONPath", place))
}

pub(super) fn result_place(holder: &Value, place: &str) -> Result<Place, Diagnostic> {
    match holder.get("ResultPath") {
        None => Ok(Place::Replace),
        Some(Value::Null) => Ok(Place::Discard),
        Some(value) => {
            let path = value.as_str().and_then(ReferencePath::parse).ok_or_else(|| {
                Diagnostic::error(INVALID, "Value is not a Reference Path", format!("{place}/ResultPath"))
            })?;
            Ok(if path.is_root() { Place::Replace } else { Place::Path(path) })
        }
    }
}

/// A field that a JSONPath state may also give as `<field>Path`, and a JSONata state as an expression.
pub(super) fn text(
    holder: &Value,
    field: &str,
    language: Language,
    place: &str,
) -> Result<Option<Text>, Diagnostic> {
    let path_field = format!("{field}Path");
    if let Some(path) = holder.get(&path_field) {
        let place = format!("{place}/{path_field}");
        let source = path.as_str().and_then(|text| {
            if text.starts_with('$') {
                JsonPath::parse(text).map(Source::Path)
            } else {
                crate::intrinsic::Intrinsic::parse(text).map(Source::Intrinsic)
            }
        });
        let source =
            source.ok_or_else(|| Diagnostic::error(INVALID, "Value is not a valid JSONPath", place))?;
        return Ok(Some(Text::Path(source)));
    }
    match holder.get(field) {
        None => Ok(None),
        Some(Value::String(text)) if language == Language::Jsonata => match expression_source(text) {
            Some(source) => {
                Expression::parse(source).map(|found| Some(Text::Expression(found))).map_err(|reason| {
                    Diagnostic::error(
                        INVALID,
                        format!("Invalid JSONata expression: {reason}"),
                        format!("{place}/{field}"),
                    )
                })
            }
            None => Ok(Some(Text::Fixed(Value::String(text.clone())))),
        },
        Some(value) => Ok(Some(Text::Fixed(value.clone()))),
    }
}

pub(super) fn retriers(holder: &Value) -> Vec<Retrier> {
    let whole = |retrier: &Value, field: &str| {
        retrier.get(field).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok())
    };
    let list = holder.get("Retry").and_then(Value::as_array).unwrap_or_default();
    list.iter()
        .map(|retrier| Retrier {
            errors: names(retrier.get("ErrorEquals").unwrap_or(&Value::Null)),
            interval_seconds: whole(retrier, "IntervalSeconds").unwrap_or(1),
            max_attempts: whole(retrier, "MaxAttempts")
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(3),
            backoff_rate: retrier.get("BackoffRate").and_then(Value::as_f64).unwrap_or(2.0),
            max_delay_seconds: whole(retrier, "MaxDelaySeconds"),
            full_jitter: retrier.get("JitterStrategy").and_then(Value::as_str) == Some("FULL"),
        })
        .collect()
}

pub(super) fn catchers(
    holder: &Value,
    targets: &Names<'_>,
    language: Language,
    place: &str,
) -> Result<Vec<Catcher>, Diagnostic> {
    let list = holder.get("Catch").and_then(Value::as_array).unwrap_or_default();
    let compile = |(index, catcher): (usize, &Value)| {
        let place = format!("{place}/Catch[{index}]");
        Ok(Catcher {
            errors: names(catcher.get("ErrorEquals").unwrap_or(&Value::Null)),
            next: targets.find(catcher, "Next", &place)?,
            result_path: result_place(catcher, &place)?,
            assign: template(catcher, "Assign", language, &place)?,
            output: template(catcher, "Output", language, &place)?,
        })
    };
    list.iter().enumerate().map(compile).collect()
}
