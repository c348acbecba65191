//! Checks of what types cannot say, all problems told at once.

use serde_json::{Value, json};
use toss_runtime::api::Problem;

/// What is wrong with a body.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<Value>);

impl Checks {
    /// Notes a problem at a JSON pointer.
    pub(crate) fn refuse(&mut self, pointer: &str, code: &str, message: impl Into<String>) {
        self.0.push(json!({ "pointer": pointer, "code": code, "message": message.into() }));
    }

    /// Notes a problem unless the condition holds.
    pub(crate) fn require(&mut self, holds: bool, pointer: &str, code: &str, message: &str) {
        if !holds {
            self.refuse(pointer, code, message);
        }
    }

    /// A name for people: 1 to `most` characters, not blank, without control characters.
    pub(crate) fn name(&mut self, pointer: &str, text: &str, most: usize) {
        let message = format!("must have 1 to {most} characters, not only blanks, and no control characters");
        let good =
            !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
        self.require(good, pointer, "name", &message);
    }

    /// A name for machines: small letters, digits and hyphens, beginning with a letter.
    pub(crate) fn slug(&mut self, pointer: &str, text: &str, most: usize) {
        let message = format!("must be 1 to {most} small letters, digits and hyphens, the first a letter");
        self.require(is_slug(text, most), pointer, "slug", &message);
    }

    /// The 422 with all problems, if there are any.
    pub(crate) fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid("The body breaks the rules listed in 'problems'.", Value::Array(self.0)))
    }
}

/// Whether a text is 1 to `most` small letters, digits and hyphens, the first a letter.
pub(crate) fn is_slug(text: &str, most: usize) -> bool {
    text.len() <= most
        && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let mut checks = Checks::default();
        checks.name("/name", " \u{0}", 10);
        checks.name("/title", "Zürich ☕", 10);
        checks.slug("/plan", "Big Plan", 10);
        let problem = checks.done().unwrap_err();
        assert_eq!(problem.status, 422);
        assert_eq!(problem.members["problems"].as_array().unwrap().len(), 2);
    }
}
