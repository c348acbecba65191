//! One statement of a policy.

use serde_json::Value;

use super::access::Access;
use super::condition::Condition;
use super::pattern::{action_fits, fits};

/// A statement that cannot be read. What it would allow or deny is not guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// `Effect` is neither `Allow` nor `Deny`.
    #[error("a statement's Effect must be Allow or Deny")]
    Effect,
    /// No `Action` or no `Resource`.
    #[error("a statement needs an {0} (or Not{0})")]
    Missing(&'static str),
    /// A condition operator that is not evaluated here.
    #[error("the condition operator {0} is not evaluated on one machine")]
    Operator(String),
}

/// A statement: what it allows or denies, on what, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    allow: bool,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

/// A list of patterns, or of all but those.
#[derive(Debug, Clone, PartialEq)]
struct Patterns {
    negated: bool,
    patterns: Vec<String>,
}

impl Statement {
    /// Reads a statement of an identity-based policy, with all intrinsic functions evaluated.
    pub fn from_json(statement: &Value) -> Result<Self, StatementError> {
        let allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(StatementError::Effect),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            for (key, values) in keys.as_object().into_iter().flatten() {
                conditions.push(Condition::new(operator, key, texts(values))?);
            }
        }
        Ok(Self {
            allow,
            actions: Patterns::read(statement, "Action", "NotAction")?,
            resources: Patterns::read(statement, "Resource", "NotResource")?,
            conditions,
        })
    }

    /// Whether the statement speaks of this access.
    pub(super) fn concerns(&self, access: &Access) -> bool {
        self.actions.fit(|pattern| action_fits(pattern, &access.action))
            && self.resources.fit(|pattern| fits(pattern, &access.resource))
            && self.conditions.iter().all(|condition| condition.holds(access))
    }

    /// Whether it allows what it speaks of.
    pub(super) fn allows(&self) -> bool {
        self.allow
    }
}

impl Patterns {
    fn read(statement: &Value, plain: &'static str, negated: &str) -> Result<Self, StatementError> {
        match (statement.get(plain), statement.get(negated)) {
            (Some(value), _) => Ok(Self { negated: false, patterns: texts(value) }),
            (None, Some(value)) => Ok(Self { negated: true, patterns: texts(value) }),
            (None, None) => Err(StatementError::Missing(plain)),
        }
    }

    fn fit(&self, fits: impl Fn(&String) -> bool) -> bool {
        self.patterns.iter().any(fits) != self.negated
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Number(number) => vec![number.to_string()],
        _ => Vec::new(),
    }
}
