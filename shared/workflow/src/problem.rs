//! What is wrong with a definition, and where.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One thing that is wrong. All of a definition's problems are told at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON pointer of the place, such as `/steps/pay/with/url`.
    pub pointer: String,
    /// Line in the author's text, from 1.
    pub line: u32,
    /// Column in the author's text, from 1.
    pub column: u32,
    /// A stable code in kebab case, such as `unknown-step`.
    pub code: Cow<'static, str>,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// Every code of a [`Problem`], in alphabetical order, and what it means.
pub const PROBLEM_CODES: &[(&str, &str)] = &[
    ("bad-alias", "An alias stands inside its own anchor."),
    ("bad-compensation", "The activity cannot undo a step."),
    ("bad-duration", "Not a duration, or one that is too long."),
    ("bad-key", "A key is not a text."),
    ("bad-mode", "Express executions cannot do this."),
    ("bad-name", "A name is not an identifier, or too long."),
    ("bad-number", "A number that JSON does not have."),
    ("bad-time", "Not an RFC 3339 time in UTC."),
    ("bad-value", "The value is not one that is possible here."),
    ("compensate-inside", "A step inside a Parallel or a Loop over items has a compensation."),
    ("conflict", "Two keys exclude each other."),
    ("duplicate-key", "A key is written twice."),
    ("duplicate-name", "A name is given twice."),
    ("empty", "There is no definition."),
    ("endless-cycle", "From a step no path leads to an ending."),
    ("expression-in-parameter", "A template's parameter holds an expression."),
    ("expression-syntax", "JSONata does not understand an expression."),
    ("json-syntax", "The text is not JSON."),
    ("late-escalation", "The step ends before it escalates."),
    ("missing-end", "The last step says neither where it leads nor that it ends."),
    ("missing-key", "A key is missing."),
    ("missing-next", "A case or catch leads nowhere."),
    ("missing-parameter", "A parameter is missing."),
    ("no-current-item", "An expression begins with a field instead of a variable."),
    ("not-an-expression", "A condition is not an expression."),
    ("not-applicable", "A key means nothing for this step."),
    ("reserved-name", "A name is the platform's or JSONata's."),
    ("reserved-parameter", "A parameter is written as a key of the step."),
    ("several-documents", "The text holds more than one document."),
    ("too-deep", "Values are nested too deep."),
    ("too-large", "The text is too long."),
    ("too-many-steps", "There are too many steps."),
    ("too-many-values", "There are too many values."),
    ("unknown-activity", "The catalogue has no such activity."),
    ("unknown-error", "The step never raises such an error."),
    ("unknown-field", "A result never has such a field."),
    ("unknown-function", "There is no such function."),
    ("unknown-key", "There is no such key here."),
    ("unknown-parameter", "The activity has no such parameter."),
    ("unknown-step", "There is no such step here."),
    ("unknown-tag", "A YAML tag means nothing here."),
    ("unknown-variable", "Nothing sets such a variable."),
    ("unreachable-catch", "A catch before takes all errors."),
    ("unreachable-retry", "A retry before takes all errors."),
    ("unreachable-step", "No path leads to a step."),
    ("unset-variable", "A variable is read before any path sets it."),
    ("wrong-type", "A value of another type should stand here."),
    ("yaml-syntax", "The text is not YAML."),
];

/// A JSON pointer that grows on the way down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pointer(String);

impl Pointer {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn at(pointer: impl Into<String>) -> Self {
        Self(pointer.into())
    }

    pub(crate) fn join(&self, token: impl std::fmt::Display) -> Self {
        let token = token.to_string().replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{token}", self.0))
    }

    /// Whether this names a part of what the other names.
    pub(crate) fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

/// The tokens of a pointer, unescaped.
pub(crate) fn tokens(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}
