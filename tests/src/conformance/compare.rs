//! Whether an answer is what was recorded: placeholders stand for anything, and texts that hold JSON may have been
//! decoded.

use serde_json::Value;

/// Texts that recordings put in the place of what differs from run to run.
const WILDCARDS: [&str; 19] = [
    "date",
    "timestamp",
    "start-date",
    "start-time",
    "bucket-name",
    "entered-time",
    "stop-date",
    "RandomNumberGenerated",
    "X-Amzn-Trace-Id",
    "x-amzn-RequestId",
    "<timestamp>",
    "content-length",
    "RequestId",
    "execution-arn",
    "map_run_arn",
    "state-machine-arn",
    "x-amz-crc32",
    "stateExitedEventDetails.output",
    "executionSucceededEventDetails.output",
];

/// The first difference, with the place where it is.
pub(crate) fn difference(expected: &Value, actual: &Value) -> Option<String> {
    differ(expected, actual, "$")
}

fn differ(expected: &Value, actual: &Value, place: &str) -> Option<String> {
    match (expected, actual) {
        (Value::String(pattern), _) if WILDCARDS.contains(&pattern.as_str()) => None,
        (Value::String(pattern), Value::String(text)) => {
            let same = matches(pattern, text) || same_json(pattern, text);
            (!same).then(|| format!("{place}: expected {pattern:?}, found {text:?}"))
        }
        // A token such as <uuid:1> may stand for more than a text.
        (Value::String(pattern), _) if pattern.starts_with('<') && pattern.ends_with('>') => None,
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            match serde_json::from_str::<Value>(text) {
                Ok(decoded) if decoded.is_object() || decoded.is_array() => differ(expected, &decoded, place),
                _ => Some(format!("{place}: expected {expected}, found {text:?}")),
            }
        }
        // The texts of a history were decoded where they could be.
        (Value::Number(_) | Value::Bool(_) | Value::Null, Value::String(text))
            if place.ends_with("Details.input") || place.ends_with("Details.output") =>
        {
            let decoded = serde_json::from_str::<Value>(text).ok();
            (decoded.as_ref() != Some(expected))
                .then(|| format!("{place}: expected {expected}, found {text:?}"))
        }
        (Value::Number(left), Value::Number(right)) => {
            let same = left == right || left.as_f64() == right.as_f64();
            (!same).then(|| format!("{place}: expected {left}, found {right}"))
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!(
                    "{place}: expected {} items, found {}: {actual}",
                    left.len(),
                    right.len()
                ));
            }
            left.iter()
                .zip(right)
                .enumerate()
                .find_map(|(index, (left, right))| differ(left, right, &format!("{place}[{index}]")))
        }
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                let place = format!("{place}.{name}");
                match right.get(name) {
                    Some(found) => {
                        // How long a stub's answer is, and when it came, says nothing about the interpreter.
                        if name != "Content-Length"
                            && name != "Date"
                            && let Some(found) = differ(value, found, &place)
                        {
                            return Some(found);
                        }
                    }
                    None => return Some(format!("{place}: expected {value}, found nothing")),
                }
            }
            let extra = right.keys().find(|name| !left.contains_key(*name) && *name != "RedriveCount");
            extra.map(|name| format!("{place}.{name}: expected nothing, found {}", right[name]))
        }
        _ => (expected != actual).then(|| format!("{place}: expected {expected}, found {actual}")),
    }
}

/// Whether two texts are the same JSON document, where the recorded one has placeholders inside.
fn same_json(pattern: &str, text: &str) -> bool {
    let both = (serde_json::from_str::<Value>(pattern), serde_json::from_str::<Value>(text));
    match both {
        (Ok(left), Ok(right)) => {
            let tokens = left.is_object() && pattern.contains('<') || left.is_string();
            tokens && differ(&left, &right, "").is_none()
        }
        _ => false,
    }
}

/// Whether a text fits a recorded one in which `<...>` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        parts.push(&rest[..start]);
        rest = &rest[start + length + 1..];
    }
    parts.push(rest);
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first).and_then(|text| text.strip_suffix(last)) else {
        return false;
    };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{difference, matches};
    use serde_json::json;

    #[test]
    fn placeholders_fit_anything_and_the_rest_must_be_the_same() {
        assert!(matches("arn:<a>:x", "arn:12:x"));
        assert!(!matches("arn:<a>:x", "arn:12:y"));
        assert!(matches("same", "same"));
        assert!(difference(&json!({ "a": "<uuid:1>" }), &json!({ "a": "77" })).is_none());
        assert!(difference(&json!({ "a": 1 }), &json!({ "a": 2 })).is_some());
        assert!(difference(&json!({ "a": [1] }), &json!({ "a": "[1]" })).is_none());
        assert!(difference(&json!([1]), &json!([1, 2])).is_some());
    }
}
