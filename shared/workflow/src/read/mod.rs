//! Reading definitions from YAML or JSON, hostile ones included.

mod json;
mod number;
mod tree;
mod yaml;

use std::borrow::Cow;

use serde_json::Value;

use crate::problem::Problem;
pub(crate) use tree::{Node, Place};

/// How a definition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

/// The longest text that is read: larger definitions do not fit a state machine.
pub const MAX_TEXT_BYTES: usize = 512 * 1024;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// The most values a definition may hold, aliases counted as often as they are used.
pub const MAX_VALUES: usize = 50_000;

/// A definition that could be read. It may still be wrong: see [`crate::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) root: Node,
    value: Value,
}

impl Document {
    /// The definition as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The workflow's name, if it has one that is a text.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.value.get("workflow").and_then(Value::as_str)
    }

    /// The line and column, from 1, of what a JSON pointer names, or of its nearest parent.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> (u32, u32) {
        let place = self.root.locate(pointer);
        (place.line, place.column)
    }

    pub(crate) fn problem(&self, pointer: &str, code: &'static str, message: String) -> Problem {
        let (line, column) = self.locate(pointer);
        Problem { pointer: pointer.to_owned(), line, column, code: Cow::Borrowed(code), message }
    }
}

/// Reads a definition.
///
/// # Errors
/// Everything that keeps the text from being a tree: syntax, duplicate keys, and the limits [`MAX_TEXT_BYTES`],
/// [`MAX_DEPTH`] and [`MAX_VALUES`].
pub fn parse(text: &str, format: Format) -> Result<Document, Vec<Problem>> {
    let start = Place { line: 1, column: 1 };
    if text.len() > MAX_TEXT_BYTES {
        let message = format!(
            "the definition has {} bytes and may have {MAX_TEXT_BYTES}; move parts into workflows of their own",
            text.len()
        );
        return Err(vec![problem(start, "", "too-large", message)]);
    }
    let root = match format {
        Format::Yaml => yaml::read(text),
        Format::Json => json::read(text),
    }?;
    let value = root.to_json();
    Ok(Document { root, value })
}

fn problem(at: Place, pointer: &str, code: &'static str, message: impl Into<String>) -> Problem {
    Problem {
        pointer: pointer.to_owned(),
        line: at.line,
        column: at.column,
        code: Cow::Borrowed(code),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
