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
