//! Reading an operation's input, with AWS's constraints and its words about them.

use serde_json::{Map, Value};
use toss_local_protocol::ServiceError;

use super::errors::validation;

/// The members of an operation's input.
#[derive(Debug)]
pub(super) struct Input(Map<String, Value>);

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ServiceError> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(ServiceError::serialization("Start of structure or map found where not expected.")),
            Err(_) => Err(ServiceError::serialization("The request body is not valid JSON.")),
        }
    }

    /// The whole input.
    pub(super) fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// A member, unless it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ServiceError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(_)) => {
                Err(ServiceError::serialization("NUMBER_VALUE can not be converted to a String"))
            }
            Some(Value::Bool(_)) => {
                Err(ServiceError::serialization("TRUE_VALUE can not be converted to a String"))
            }
            Some(_) => {
                Err(ServiceError::serialization("Start of structure or map found where not expected."))
            }
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ServiceError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(ServiceError::serialization("Expected a Boolean")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ServiceError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(_) => Err(ServiceError::serialization("STRING_VALUE can not be converted to a Number")),
        }
    }

    pub(super) fn array(&self, name: &str) -> Result<Option<&[Value]>, ServiceError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(ServiceError::serialization("Expected list or null")),
        }
    }

    /// A member that must be there, of a length in this range.
    pub(super) fn required(&self, name: &str, longest: usize) -> Result<&str, ServiceError> {
        let value = self.text(name)?;
        Checks::new().required(name, value).length(name, value, 1, longest).finish()?;
        Ok(value.unwrap_or_default())
    }

    /// A member of a length in this range, if it is there.
    pub(super) fn optional(&self, name: &str, longest: usize) -> Result<Option<&str>, ServiceError> {
        let value = self.text(name)?;
        Checks::new().length(name, value, 1, longest).finish()?;
        Ok(value)
    }

    /// `maxResults`: 0 and absence mean 100.
    pub(super) fn max_results(&self) -> Result<usize, ServiceError> {
        let number = self.number("maxResults")?.unwrap_or(0.0);
        if number > 1000.0 {
            return Err(constraint(&[format_violation(
                &number.to_string(),
                "maxResults",
                "Member must have value less than or equal to 1000",
            )]));
        }
        if number < 0.0 {
            return Err(constraint(&[format_violation(
                &number.to_string(),
                "maxResults",
                "Member must have value greater than or equal to 0",
            )]));
        }
        Ok(if number < 1.0 { 100 } else { number as usize })
    }
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<String>);

impl Checks {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn required(mut self, name: &str, value: Option<&str>) -> Self {
        if value.is_none() {
            self.0.push(format!(
                "Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ));
        }
        self
    }

    pub(super) fn length(mut self, name: &str, value: Option<&str>, least: usize, most: usize) -> Self {
        let Some(value) = value else { return self };
        let length = value.chars().count();
        if length < least {
            let limit = format!("Member must have length greater than or equal to {least}");
            self.0.push(format_violation(value, name, &limit));
        } else if length > most {
            let limit = format!("Member must have length less than or equal to {most}");
            self.0.push(format_violation(value, name, &limit));
        }
        self
    }

    pub(super) fn one_of(mut self, name: &str, value: Option<&str>, allowed: &[&str]) -> Self {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            let limit = format!("Member must satisfy enum value set: [{}]", allowed.join(", "));
            self.0.push(format_violation(value, name, &limit));
        }
        self
    }

    pub(super) fn finish(self) -> Result<(), ServiceError> {
        if self.0.is_empty() { Ok(()) } else { Err(constraint(&self.0)) }
    }
}

fn format_violation(value: &str, name: &str, limit: &str) -> String {
    // A value of a megabyte helps nobody.
    let value: String = value.chars().take(1024).collect();
    format!("Value '{value}' at '{name}' failed to satisfy constraint: {limit}")
}

fn constraint(violations: &[String]) -> ServiceError {
    let errors = if violations.len() == 1 { "error" } else { "errors" };
    validation(format!("{} validation {errors} detected: {}", violations.len(), violations.join("; ")))
}

/// A name as AWS allows it for state machines, executions and activities.
pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    const REFUSED: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";
    let bad = |letter: char| {
        letter.is_whitespace()
            || REFUSED.contains(letter)
            || letter.is_control()
            || ('\u{7f}'..='\u{9f}').contains(&letter)
    };
    if name.is_empty() || name.contains(bad) {
        return Err(ServiceError::client("InvalidName", format!("Invalid Name: '{name}'")));
    }
    Ok(())
}
