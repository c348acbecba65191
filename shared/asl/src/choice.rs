//! The conditions of a Choice state.

use crate::jsonata::Expression;
use crate::jsonpath::JsonPath;
use crate::template::{EvaluationError, Scope, evaluate_expression};
use crate::{Timestamp, Value};
use std::cmp::Ordering;

/// A condition, compiled once.
#[derive(Debug)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test {
        variable: JsonPath,
        test: Test,
    },
    Condition(Expression),
    /// A condition that the definition gives as true or false.
    Fixed(bool),
}

#[derive(Debug)]
pub(crate) enum Test {
    Compare { kind: Kind, relation: Relation, with: Operand },
    Matches(String),
    IsNull(bool),
    IsPresent(bool),
    Is { kind: Kind, expected: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Numeric,
    String,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

#[derive(Debug)]
pub(crate) enum Operand {
    Fixed(Value),
    Path(JsonPath),
}

impl Rule {
    /// Whether the condition holds. `index` is the rule's place among the choices, for messages.
    pub(crate) fn holds<S: Scope>(&self, scope: &S, index: usize) -> Result<bool, EvaluationError> {
        match self {
            Self::Fixed(value) => Ok(*value),
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(scope, index)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(scope, index)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => Ok(!rule.holds(scope, index)?),
            Self::Test { variable, test } => test.holds(variable, scope),
            Self::Condition(expression) => {
                let field = format!("Choices[{index}]/Condition");
                match evaluate_expression(expression, scope, &field)? {
                    Value::Bool(value) => Ok(value),
                    other => Err(unexpected(expression.source(), &field, "boolean", &other)),
                }
            }
        }
    }
}

/// A JSONata expression answered another type than the field takes.
pub(crate) fn unexpected(source: &str, field: &str, expected: &str, found: &Value) -> EvaluationError {
    EvaluationError::query(
        format!(
            "The JSONata expression '{source}' specified for the field '{field}' returned an unexpected result type. \
             Expected '{expected}', but was '{}' for value: {}",
            type_name(found),
            found.to_json()
        ),
        field,
    )
}

/// AWS's name of a value's type.
pub(crate) const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Test {
    fn holds<S: Scope>(&self, variable: &JsonPath, scope: &S) -> Result<bool, EvaluationError> {
        let found = variable.read(scope);
        if let Self::IsPresent(expected) = self {
            return Ok(found.is_ok() == *expected);
        }
        let value = found.map_err(|_| {
            EvaluationError::runtime(format!(
                "Invalid path '{}': The choice state's condition path references an invalid value.",
                variable.text()
            ))
        })?;
        match self {
            Self::IsPresent(_) => Ok(false),
            Self::IsNull(expected) => Ok((value == Value::Null) == *expected),
            Self::Is { kind, expected } => Ok(kind.fits(&value) == *expected),
            Self::Matches(pattern) => Ok(value.as_str().is_some_and(|text| matches(text, pattern))),
            Self::Compare { kind, relation, with: Operand::Fixed(other) } => {
                Ok(kind.order(&value, other).is_some_and(|order| relation.accepts(order)))
            }
            Self::Compare { kind, relation, with: Operand::Path(path) } => {
                let other = path.read(scope).map_err(|_| {
                    EvaluationError::runtime(format!(
                        "Invalid path '{}': The choice state's condition path references an invalid value.",
                        path.text()
                    ))
                })?;
                Ok(kind.order(&value, &other).is_some_and(|order| relation.accepts(order)))
            }
        }
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Boolean, Value::Bool(_))
            | (Self::Numeric, Value::Number(_))
            | (Self::String, Value::String(_)) => true,
            (Self::Timestamp, Value::String(text)) => Timestamp::parse_nanos(text).is_some(),
            _ => false,
        }
    }

    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match (self, left, right) {
            (Self::Boolean, Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Self::Numeric, Value::Number(left), Value::Number(right)) => {
                match (left.as_i64(), right.as_i64()) {
                    (Some(left), Some(right)) => Some(left.cmp(&right)),
                    _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
                }
            }
            (Self::String, Value::String(left), Value::String(right)) => {
                Some(left.encode_utf16().cmp(right.encode_utf16()))
            }
            (Self::Timestamp, Value::String(left), Value::String(right)) => {
                Some(Timestamp::parse_nanos(left)?.cmp(&Timestamp::parse_nanos(right)?))
            }
            _ => None,
        }
    }
}

impl Relation {
    const fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

/// `*` stands for any text, `\*` for a star, `\\` for a backslash.
fn matches(text: &str, pattern: &str) -> bool {
    #[derive(PartialEq)]
    enum Part {
        Any,
        One(char),
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            '*' => Part::Any,
            '\\' => Part::One(characters.next().unwrap_or('\\')),
            other => Part::One(other),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((at, part + 1));
                part += 1;
            }
            Some(Part::One(expected)) if text[at] == *expected => {
                at += 1;
                part += 1;
            }
            _ => match retry {
                Some((from, after)) => {
                    at = from + 1;
                    part = after;
                    retry = Some((at, after));
                }
                None => return false,
            },
        }
    }
    parts[part..].iter().all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_match_anything_and_escapes_match_themselves() {
        assert!(matches("log-2026.txt", "log-*.txt"));
        assert!(matches("", "*"));
        assert!(matches("aXbXc", "a*X*c"));
        assert!(!matches("log.csv", "log*.txt"));
        assert!(matches("a*b", "a\\*b"));
        assert!(!matches("axb", "a\\*b"));
        assert!(matches("a\\b", "a\\\\b"));
    }
}
