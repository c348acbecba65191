//! AWS's own functions, and the ones that must be tamed.

use crate::Timestamp;
use crate::hash::digest;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError};
use jsonata_core::parser;
use jsonata_core::value::JValue;

/// The longest text that `$pad` may make: the size limit of a payload.
const MAX_PADDED: f64 = 262_144.0;
/// The longest range.
const MAX_ITEMS: f64 = 100_000.0;

type Answer = Result<JValue, EvaluatorError>;

fn refuse(message: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.into())
}

fn number(arguments: &[JValue], index: usize) -> Option<f64> {
    arguments.get(index).and_then(JValue::as_f64)
}

pub(super) fn hash(arguments: &[JValue]) -> Answer {
    let data = match arguments.first() {
        Some(JValue::String(text)) => text.to_string(),
        Some(JValue::Undefined) | None => return Ok(JValue::Undefined),
        Some(other) => other.to_json_string().map_err(|error| refuse(error.to_string()))?,
    };
    let algorithm = match arguments.get(1) {
        None | Some(JValue::Undefined) => "SHA-256",
        Some(JValue::String(name)) => name,
        Some(_) => {
            return Err(refuse("T0410: Argument 2 of function \"hash\" does not match function signature"));
        }
    };
    digest(algorithm, &data)
        .map(JValue::from)
        .ok_or_else(|| refuse(format!("Unsupported hash algorithm {algorithm}")))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be at least 1")]
pub(super) fn partition(arguments: &[JValue]) -> Answer {
    let items = match arguments.first() {
        Some(JValue::Array(items)) => items.to_vec(),
        Some(JValue::Undefined) | None => return Ok(JValue::Undefined),
        Some(other) => vec![other.clone()],
    };
    let size = number(arguments, 1).map(f64::floor).filter(|size| *size >= 1.0);
    let size =
        size.ok_or_else(|| refuse("The chunk size of $partition must be a positive integer"))? as usize;
    Ok(JValue::array(items.chunks(size).map(|chunk| JValue::array(chunk.to_vec())).collect()))
}

/// One item alone comes back bare, as AWS's does.
pub(super) fn range(arguments: &[JValue]) -> Answer {
    let (Some(first), Some(last), Some(step)) =
        (number(arguments, 0), number(arguments, 1), number(arguments, 2))
    else {
        return Ok(JValue::Undefined);
    };
    if step == 0.0 {
        return Err(refuse("The step of $range must not be 0"));
    }
    if ((last - first) / step) > MAX_ITEMS {
        return Err(refuse("The range is too long"));
    }
    let mut items = Vec::new();
    let mut next = first;
    while (step > 0.0 && next <= last) || (step < 0.0 && next >= last) {
        items.push(JValue::Number(next));
        next += step;
    }
    match items.len() {
        0 => Ok(JValue::Undefined),
        1 => Ok(JValue::Number(first)),
        _ => Ok(JValue::array(items)),
    }
}

pub(super) fn parse_json(arguments: &[JValue]) -> Answer {
    match arguments.first() {
        Some(JValue::String(text)) => {
            JValue::from_json_str(text).map_err(|_| refuse(format!("$parse: invalid JSON string: {text}")))
        }
        Some(JValue::Undefined) | None => Ok(JValue::Undefined),
        Some(_) => Err(refuse("T0410: Argument 1 of function \"parse\" does not match function signature")),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be small")]
pub(super) fn pad(arguments: &[JValue]) -> Answer {
    let Some(JValue::String(text)) = arguments.first() else { return Ok(JValue::Undefined) };
    let width = number(arguments, 1).unwrap_or(0.0);
    if width.abs() > MAX_PADDED {
        return Err(refuse("$pad: the text would be larger than a payload may be"));
    }
    let filling =
        arguments.get(2).and_then(JValue::as_str).filter(|filling| !filling.is_empty()).unwrap_or(" ");
    let missing = (width.abs() as usize).saturating_sub(text.chars().count());
    let padding: String = filling.chars().cycle().take(missing).collect();
    Ok(JValue::from(if width < 0.0 { padding + text } else { text.to_string() + &padding }))
}

/// Without an argument the next number of a sequence that the seed determines; with one, always the same number
/// for the same argument.
pub(super) fn random(state: &std::cell::Cell<f64>, arguments: &[JValue]) -> f64 {
    let scramble = |from: f64| {
        let mut bits = from.to_bits().wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from_bits((bits >> 12) | 0x3ff0_0000_0000_0000) - 1.0
    };
    match number(arguments, 0) {
        Some(seed) => scramble(seed),
        None => state.replace(scramble(state.get())),
    }
}

pub(super) fn show_now(now: Timestamp, arguments: &[JValue]) -> Answer {
    if arguments.is_empty() {
        return Ok(JValue::from(now.to_string()));
    }
    let mut context = Context::new();
    for (name, argument) in ["picture", "zone"].into_iter().zip(arguments) {
        context.bind(name.to_owned(), argument.clone());
    }
    context.bind("moment".to_owned(), JValue::from(now.as_millis()));
    let source = if arguments.len() > 1 {
        "$fromMillis($moment, $picture, $zone)"
    } else {
        "$fromMillis($moment, $picture)"
    };
    let ast = parser::parse(source).map_err(|error| refuse(error.to_string()))?;
    Evaluator::with_context(context).evaluate(&ast, &JValue::Undefined)
}
