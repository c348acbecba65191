//! Event patterns: which events a rule or a filter wants.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use std::net::IpAddr;

use serde_json::{Map, Value};

/// Whether an event fits a pattern.
pub(super) fn fits(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(members) => all_fit(members, Some(event)),
        _ => false,
    }
}

fn all_fit(members: &Map<String, Value>, event: Option<&Value>) -> bool {
    members.iter().all(|(name, wanted)| match (name.as_str(), wanted) {
        ("$or", Value::Array(options)) => {
            options.iter().any(|option| option.as_object().is_some_and(|members| all_fit(members, event)))
        }
        (name, Value::Array(matchers)) => leaf_fits(matchers, event.and_then(|event| event.get(name))),
        (name, Value::Object(inner)) => {
            let found = event.and_then(|event| event.get(name));
            match found {
                // A pattern for a member of a list is met by any of its elements.
                Some(Value::Array(elements)) => elements.iter().any(|element| all_fit(inner, Some(element))),
                found => all_fit(inner, found),
            }
        }
        _ => false,
    })
}

fn leaf_fits(matchers: &[Value], found: Option<&Value>) -> bool {
    matchers.iter().any(|matcher| match (matcher.get("exists").and_then(Value::as_bool), found) {
        (Some(wanted), found) => found.is_some() == wanted,
        (None, Some(Value::Array(elements))) => elements.iter().any(|element| value_fits(matcher, element)),
        (None, Some(value)) => value_fits(matcher, value),
        (None, None) => false,
    })
}

fn value_fits(matcher: &Value, value: &Value) -> bool {
    let Some((operator, operand)) = matcher.as_object().and_then(|members| members.iter().next()) else {
        return same(matcher, value);
    };
    let text = value.as_str();
    let affix = |test: fn(&str, &str) -> bool| match (operand, text) {
        (Value::String(affix), Some(text)) => test(text, affix),
        (Value::Object(_), Some(text)) => operand
            .get("equals-ignore-case")
            .and_then(Value::as_str)
            .is_some_and(|affix| test(&text.to_lowercase(), &affix.to_lowercase())),
        _ => false,
    };
    match operator.as_str() {
        "prefix" => affix(|text, affix| text.starts_with(affix)),
        "suffix" => affix(|text, affix| text.ends_with(affix)),
        "equals-ignore-case" => {
            matches!((operand.as_str(), text), (Some(wanted), Some(text)) if wanted.to_lowercase() == text.to_lowercase())
        }
        "wildcard" => {
            matches!((operand.as_str(), text), (Some(wanted), Some(text)) if wildcard(wanted, text))
        }
        "numeric" => value.as_f64().is_some_and(|number| numeric(operand, number)),
        "cidr" => matches!((operand.as_str(), text), (Some(range), Some(text)) if in_range(range, text)),
        "anything-but" => anything_but(operand, value),
        _ => false,
    }
}

fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted.as_f64(), value.as_f64()) {
        (Some(wanted), Some(value)) => (wanted - value).abs() < f64::EPSILON,
        _ => wanted == value,
    }
}

fn anything_but(operand: &Value, value: &Value) -> bool {
    match operand {
        Value::Array(unwanted) => !unwanted.iter().any(|unwanted| same(unwanted, value)),
        Value::Object(members) => !members.iter().any(|(operator, operand)| {
            let operands = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
            operands.iter().any(|operand| {
                let matcher = Value::Object(Map::from_iter([(operator.clone(), operand.clone())]));
                value_fits(&matcher, value)
            })
        }),
        unwanted => !same(unwanted, value),
    }
}

fn numeric(operand: &Value, number: f64) -> bool {
    let terms = operand.as_array().map(Vec::as_slice).unwrap_or_default();
    !terms.is_empty()
        && terms.chunks(2).all(|term| match term {
            [operator, bound] => match (operator.as_str(), bound.as_f64()) {
                (Some("="), Some(bound)) => (number - bound).abs() < f64::EPSILON,
                (Some("<"), Some(bound)) => number < bound,
                (Some("<="), Some(bound)) => number <= bound,
                (Some(">"), Some(bound)) => number > bound,
                (Some(">="), Some(bound)) => number >= bound,
                _ => false,
            },
            _ => false,
        })
}

/// `*` is any text; there is no other wildcard.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn in_range(range: &str, text: &str) -> bool {
    let parsed =
        range.split_once('/').and_then(|(network, bits)| Some((network.parse().ok()?, bits.parse().ok()?)));
    let (Some((network, bits)), Ok(address)) = (parsed, text.parse::<IpAddr>()) else { return false };
    let bits: u32 = bits;
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let shift = 32 - bits;
            u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let shift = 128 - bits;
            u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "detail": { "status": "FAILED", "count": 7, "ip": "10.1.2.3", "name": "exe_1", "tags": ["a", "b"] },
        })
    }

    #[test]
    fn a_rule_on_executions_wants_their_ends() {
        let pattern = json!({
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": { "status": ["FAILED", "TIMED_OUT", "ABORTED"] },
        });
        assert!(fits(&pattern, &event()));
        assert!(!fits(&json!({ "detail": { "status": ["SUCCEEDED"] } }), &event()));
    }

    #[test]
    fn every_operator_is_told_apart() {
        let detail = |matcher: Value| fits(&json!({ "detail": matcher }), &event());
        assert!(detail(json!({ "name": [{ "prefix": "exe_" }] })));
        assert!(detail(json!({ "name": [{ "suffix": { "equals-ignore-case": "E_1" } }] })));
        assert!(detail(json!({ "name": [{ "wildcard": "e*_1" }] })));
        assert!(!detail(json!({ "name": [{ "wildcard": "e*_2" }] })));
        assert!(detail(json!({ "count": [{ "numeric": [">", 5, "<=", 7] }] })));
        assert!(detail(json!({ "ip": [{ "cidr": "10.0.0.0/8" }] })));
        assert!(!detail(json!({ "ip": [{ "cidr": "11.0.0.0/8" }] })));
        assert!(detail(json!({ "status": [{ "anything-but": ["SUCCEEDED"] }] })));
        assert!(!detail(json!({ "status": [{ "anything-but": { "prefix": "FA" } }] })));
        assert!(detail(json!({ "missing": [{ "exists": false }] })));
        assert!(!detail(json!({ "missing": [{ "anything-but": "x" }] })));
        assert!(detail(json!({ "tags": ["b"] })));
        assert!(detail(json!({ "$or": [{ "count": [1] }, { "count": [7] }] })));
        assert!(detail(json!({ "status": [{ "equals-ignore-case": "failed" }] })));
    }
}
