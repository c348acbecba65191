//! A definition, checked and compiled.

use crate::program::{Program, StateIndex};
use crate::{Diagnostic, MachineType, Severity, ValidationOptions, validate};
use std::fmt;
use std::sync::Arc;

/// A state machine, ready to run. A clone is a reference count.
#[derive(Clone)]
pub struct Machine {
    program: Arc<Program>,
    start: StateIndex,
}

impl Machine {
    /// Reads, checks and compiles a definition.
    ///
    /// # Errors
    /// The errors for which AWS refuses the definition; [`crate::rejection`] makes its message of them.
    pub fn parse(definition: &str) -> Result<Self, Vec<Diagnostic>> {
        Self::parse_as(definition, MachineType::Standard)
    }

    /// As [`Machine::parse`], for a machine of this type: Express machines may use less.
    ///
    /// # Errors
    /// As [`Machine::parse`].
    pub fn parse_as(definition: &str, machine_type: MachineType) -> Result<Self, Vec<Diagnostic>> {
        let options = ValidationOptions { machine_type, any_resource: false };
        let (value, diagnostics) = validate::read_and_check(definition, options);
        let errors: Vec<Diagnostic> =
            diagnostics.into_iter().filter(|found| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let program = crate::compile::compile(definition, &value).map_err(|error| vec![error])?;
        let start = program.start;
        Ok(Self { program: Arc::new(program), start })
    }

    /// The definition's text.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.program.definition
    }

    /// `TimeoutSeconds` of the whole machine.
    #[must_use]
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.program.timeout_seconds
    }

    /// The machine that the children of a distributed Map run ([`crate::ChildStart::processor`]).
    #[must_use]
    pub fn processor(&self, processor: u32) -> Option<Self> {
        let start = *self.program.processors.get(processor as usize)?;
        Some(Self { program: self.program.clone(), start })
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) const fn start(&self) -> StateIndex {
        self.start
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("states", &self.program.states.len()).finish_non_exhaustive()
    }
}
