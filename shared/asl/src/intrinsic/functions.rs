//! What each intrinsic function does.

use super::{Name, Randomness};
use crate::Value;
use crate::hash::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::sync::Arc;

/// AWS refuses longer texts in `States.Base64Encode`, `States.Base64Decode` and `States.Hash`.
const MAX_TEXT: usize = 10_000;
/// AWS refuses longer ranges.
const MAX_RANGE: i64 = 1_000;

type Answer = Result<Value, String>;

impl Name {
    pub(super) fn apply(self, arguments: &[Value], randomness: &impl Randomness) -> Answer {
        match (self, arguments) {
            (Self::Array, items) => Ok(Value::array(items.to_vec())),
            (Self::ArrayContains, [list, item]) => {
                Ok(items(list)?.iter().any(|other| same(other, item)).into())
            }
            (Self::ArrayGetItem, [list, index]) => get_item(items(list)?, integer(index)?),
            (Self::ArrayLength, [list]) => Ok(Value::from(items(list)?.len() as u64)),
            (Self::ArrayPartition, [list, size]) => partition(items(list)?, integer(size)?),
            (Self::ArrayRange, [first, last, step]) => range(integer(first)?, integer(last)?, integer(step)?),
            (Self::ArrayUnique, [list]) => Ok(unique(items(list)?)),
            (Self::Base64Decode, [encoded]) => decode(short(encoded)?),
            (Self::Base64Encode, [data]) => Ok(Value::string(STANDARD.encode(short(data)?))),
            (Self::Format, [template, arguments @ ..]) => format(text(template)?, arguments),
            (Self::Hash, [data, algorithm]) => hash(data, text(algorithm)?),
            (Self::JsonMerge, [first, second, deep]) => merge(first, second, deep),
            (Self::JsonToString, [value]) => Ok(Value::string(value.to_json())),
            (Self::MathAdd, [first, second]) => add(first, second),
            (Self::MathRandom, [start, end]) => {
                let (start, end) = (integer(start)?, integer(end)?);
                random(start, end, randomness.fraction())
            }
            (Self::MathRandom, [start, end, seed]) => {
                let (start, end) = (integer(start)?, integer(end)?);
                random(start, end, java_fraction(integer(seed)?))
            }
            (Self::StringSplit, [subject, delimiters]) => Ok(split(text(subject)?, text(delimiters)?)),
            (Self::StringToJson, [json]) => {
                let json = text(json)?;
                if json.trim().is_empty() {
                    return Ok(Value::Null);
                }
                Value::parse(json).map_err(|_| format!("Invalid JSON string: {json}"))
            }
            (Self::Uuid, []) => Ok(Value::string(randomness.uuid())),
            _ => Err("Invalid number of arguments.".to_owned()),
        }
    }
}

fn items(value: &Value) -> Result<&[Value], String> {
    value.as_array().ok_or_else(|| format!("Argument {} is not an array.", value.to_json()))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("Argument {} is not a string.", value.to_json()))
}

fn short(value: &Value) -> Result<&str, String> {
    let text = text(value)?;
    if text.chars().count() > MAX_TEXT {
        return Err(format!("Argument is longer than {MAX_TEXT} characters."));
    }
    Ok(text)
}

/// Numbers are rounded as Java's `Math.round` does: halves go up.
#[expect(clippy::cast_possible_truncation, reason = "saturates, as Java does")]
fn integer(value: &Value) -> Result<i64, String> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|double| (double + 0.5).floor() as i64))
            .ok_or_else(|| format!("Argument {number} is not an integer.")),
        other => Err(format!("Argument {} is not a number.", other.to_json())),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn get_item(items: &[Value], index: i64) -> Answer {
    usize::try_from(index)
        .ok()
        .and_then(|index| items.get(index))
        .cloned()
        .ok_or_else(|| format!("Index {index} is out of bounds for an array of length {}.", items.len()))
}

fn partition(items: &[Value], size: i64) -> Answer {
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or("The chunk size must be a positive integer.")?;
    Ok(Value::array(items.chunks(size).map(|chunk| Value::array(chunk.to_vec())).collect()))
}

fn range(first: i64, last: i64, step: i64) -> Answer {
    if step == 0 {
        return Err("The step of a range must not be 0.".to_owned());
    }
    let count = last.saturating_sub(first).checked_div(step).map_or(0, |steps| steps.saturating_add(1));
    if count > MAX_RANGE {
        return Err(format!("A range must not have more than {MAX_RANGE} items."));
    }
    let reaches = if step > 0 { first <= last } else { first >= last };
    let count = if reaches { count } else { 0 };
    Ok(Value::array((0..count).map(|index| Value::from(first + index * step)).collect()))
}

fn unique(items: &[Value]) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.iter().any(|other| same(other, item)) {
            kept.push(item.clone());
        }
    }
    Value::array(kept)
}

fn decode(encoded: &str) -> Answer {
    let bytes = STANDARD.decode(encoded).map_err(|_| "The argument is not Base64.".to_owned())?;
    Ok(Value::string(String::from_utf8_lossy(&bytes).into_owned()))
}

fn hash(data: &Value, algorithm: &str) -> Answer {
    let data = match data {
        Value::String(text) => text.to_string(),
        other => other.to_json(),
    };
    if data.chars().count() > MAX_TEXT {
        return Err(format!("The data is longer than {MAX_TEXT} characters."));
    }
    digest(algorithm, &data)
        .map(Value::string)
        .ok_or_else(|| format!("Unsupported hash algorithm {algorithm}."))
}

fn merge(first: &Value, second: &Value, deep: &Value) -> Answer {
    if deep.as_bool() != Some(false) {
        return Err("Deep merge is not supported: the third argument must be false.".to_owned());
    }
    let (Value::Object(first), Value::Object(second)) = (first, second) else {
        return Err("The first two arguments must be objects.".to_owned());
    };
    let mut members = (**first).clone();
    members.extend(second.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Value::object(members))
}

fn add(first: &Value, second: &Value) -> Answer {
    integer(first)?
        .checked_add(integer(second)?)
        .map(Value::from)
        .ok_or_else(|| "The sum does not fit an integer.".to_owned())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the product lies in the range"
)]
fn random(start: i64, end: i64, fraction: f64) -> Answer {
    let width = end.checked_sub(start).filter(|width| *width > 0);
    let width = width.ok_or("The end must be greater than the start.")?;
    Ok(Value::from(start + ((width as f64 * fraction) as i64).min(width - 1)))
}

/// The first double of `java.util.Random` with this seed: a seeded call always answers the same.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
fn java_fraction(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed as u64 ^ MULTIPLIER) & MASK;
    let mut next = |bits: u32| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        state >> (48 - bits)
    };
    ((next(26) << 27) + next(27)) as f64 / (1_u64 << 53) as f64
}

/// Every character of `delimiters` splits; empty parts are dropped.
fn split(subject: &str, delimiters: &str) -> Value {
    let parts = subject.split(|character| delimiters.contains(character));
    Value::array(parts.filter(|part| !part.is_empty()).map(Value::from).collect())
}

fn format(template: &str, arguments: &[Value]) -> Answer {
    let mut formatted = String::with_capacity(template.len());
    let mut arguments = arguments.iter();
    let mut rest = template.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' if matches!(rest.peek(), Some('{' | '}')) => formatted.extend(rest.next()),
            '{' if rest.peek() == Some(&'}') => {
                rest.next();
                let argument = arguments.next().ok_or("There are fewer arguments than occurrences of {}.")?;
                show(argument, &mut formatted);
            }
            other => formatted.push(other),
        }
    }
    if arguments.next().is_some() {
        return Err("There are more arguments than occurrences of {}.".to_owned());
    }
    Ok(Value::String(Arc::from(formatted)))
}

/// Objects and arrays look as Java prints its maps and lists: `{Id=x, Name=y}`.
fn show(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                show(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                let _ = write!(out, "{}{name}=", if index == 0 { "" } else { ", " });
                show(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_json()),
    }
}
