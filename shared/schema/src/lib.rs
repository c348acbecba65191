//! JSON Schema (2020-12) for what tenants supply: both the schema and the data may be hostile.
//!
//! [`Schema::compile`] refuses what could reach out or run away: references to other documents, patterns that
//! need backtracking, deep nesting. [`Schema::violations`] first counts what validating this data will cost, by
//! walking schema and data together ([`budget`]), so that neither `allOf` of `allOf` of … nor a schema that
//! refers to itself can hold a function for ever.

mod budget;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// The most levels of schema or data.
pub const MAX_DEPTH: usize = 100;

/// The most bytes of a schema's text.
pub const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// The most violations that are listed.
pub const MAX_VIOLATIONS: usize = 100;

/// The most bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

/// The longest sentence about one violation.
const SENTENCE: usize = 300;

/// A compiled schema.
pub struct Schema {
    source: Value,
    validator: Validator,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

/// One place where data does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the data.
    pub pointer: String,
    /// JSON pointer into the schema: the rule that does not hold.
    pub rule: String,
    /// What is wrong, without the data's values.
    pub message: String,
}

/// Why a schema, or data under it, cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not a JSON Schema.
    #[error("the schema is not valid at '{pointer}': {message}")]
    Invalid {
        /// JSON pointer into the schema.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// It uses something that is refused.
    #[error("the schema uses '{keyword}' at '{pointer}', which is refused: {reason}")]
    Refused {
        /// The keyword.
        keyword: String,
        /// JSON pointer into the schema.
        pointer: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// Schema or data are nested too deeply.
    #[error("the {what} is nested more than {MAX_DEPTH} levels deep")]
    TooDeep {
        /// `schema` or `data`.
        what: &'static str,
    },
    /// The schema is too large.
    #[error("the schema is larger than {MAX_SCHEMA_BYTES} bytes")]
    TooLarge,
    /// Checking this data would take too long.
    #[error(
        "checking the data against this schema takes too many steps; refer to a part once instead of in several branches"
    )]
    TooCostly,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`SchemaError`] when it is none, or uses what is refused.
    pub fn compile(source: &Value) -> Result<Self, SchemaError> {
        if !fits(source, MAX_DEPTH) {
            return Err(SchemaError::TooDeep { what: "schema" });
        }
        if source.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(SchemaError::TooLarge);
        }
        budget::refuse(source, &mut String::new(), true)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .build(source)
            .map_err(|error| SchemaError::Invalid {
                pointer: error.instance_path().to_string(),
                message: shorten(&error.to_string()),
            })?;
        Ok(Self { source: source.clone(), validator })
    }

    /// Where data does not fit; at most [`MAX_VIOLATIONS`], none when it is valid.
    ///
    /// # Errors
    /// [`SchemaError::TooDeep`] and [`SchemaError::TooCostly`] for data that is not checked at all.
    pub fn violations(&self, data: &Value) -> Result<Vec<Violation>, SchemaError> {
        if !fits(data, MAX_DEPTH) {
            return Err(SchemaError::TooDeep { what: "data" });
        }
        budget::Budget::new(&self.source).spend(data)?;
        let violation = |error: jsonschema::ValidationError<'_>| Violation {
            pointer: error.instance_path().to_string(),
            rule: error.schema_path().to_string(),
            message: shorten(&error.masked().to_string()),
        };
        Ok(self.validator.iter_errors(data).take(MAX_VIOLATIONS).map(violation).collect())
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(SENTENCE).collect()
}

/// Whether a document has at most `levels` of nesting.
fn fits(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, below)),
        Value::Object(members) => members.values().all(|member| fits(member, below)),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
