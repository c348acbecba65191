//! What is wrong with a template, all of it at once.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the root template.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The logical id of the resource, where there is one.
    pub resource: Option<String>,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.file, self.line)?;
        if let Some(resource) = &self.resource {
            write!(formatter, "{resource}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Everything that is wrong with a template and its stacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template cannot be used:\n{}", problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct TemplateError {
    /// The problems in the order found.
    pub problems: Vec<Problem>,
}
