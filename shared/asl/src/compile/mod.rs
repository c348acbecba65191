//! From a checked definition to a program.

mod fields;
mod states;

use crate::program::{Language, Program, State, StateIndex};
use crate::{Diagnostic, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Compiles a definition that validation has passed.
pub(crate) fn compile(text: &str, definition: &Value) -> Result<Program, Diagnostic> {
    let mut compiler = Compiler { states: Vec::new(), processors: Vec::new() };
    let language = language_of(definition, Language::JsonPath);
    let start = compiler.scope(definition, language, "")?;
    let mut states = Vec::with_capacity(compiler.states.len());
    for state in compiler.states {
        states.push(
            state.ok_or_else(|| Diagnostic::error("SCHEMA_VALIDATION_FAILED", "A state is missing", "/"))?,
        );
    }
    Ok(Program {
        definition: text.into(),
        states,
        start,
        timeout_seconds: definition
            .get("TimeoutSeconds")
            .and_then(Value::as_i64)
            .and_then(|seconds| seconds.try_into().ok()),
        processors: compiler.processors,
    })
}

pub(crate) fn language_of(holder: &Value, outer: Language) -> Language {
    match holder.get("QueryLanguage").and_then(Value::as_str) {
        Some("JSONata") => Language::Jsonata,
        Some("JSONPath") => Language::JsonPath,
        _ => outer,
    }
}

struct Compiler {
    states: Vec<Option<State>>,
    processors: Vec<StateIndex>,
}

/// The states that may name each other as next.
struct Names<'a> {
    indices: HashMap<&'a str, StateIndex>,
}

impl Names<'_> {
    fn find(&self, holder: &Value, field: &str, place: &str) -> Result<StateIndex, Diagnostic> {
        let name = holder.get(field).and_then(Value::as_str).unwrap_or_default();
        self.indices.get(name).copied().ok_or_else(|| {
            Diagnostic::error(
                "MISSING_TRANSITION_TARGET",
                format!("Missing '{field}' target: {name}"),
                format!("{place}/{field}"),
            )
        })
    }
}

impl Compiler {
    /// Compiles the states of a machine, a branch or a processor; answers where it starts.
    fn scope(
        &mut self,
        holder: &Value,
        machine_language: Language,
        place: &str,
    ) -> Result<StateIndex, Diagnostic> {
        let empty = crate::Object::default();
        let states = holder.get("States").and_then(Value::as_object).unwrap_or(&empty);
        let first = self.states.len();
        let mut names = Names { indices: HashMap::with_capacity(states.len()) };
        for (offset, name) in states.keys().enumerate() {
            names.indices.insert(name, (first + offset) as StateIndex);
            self.states.push(None);
        }
        for (offset, (name, definition)) in states.iter().enumerate() {
            let place = format!("{place}/States/{name}");
            let language = language_of(definition, machine_language);
            let state = self.state(name, definition, &names, (language, machine_language), &place)?;
            if let Some(slot) = self.states.get_mut(first + offset) {
                *slot = Some(state);
            }
        }
        names.find(holder, "StartAt", place)
    }

    fn processor(&mut self, start: StateIndex) -> u32 {
        self.processors.push(start);
        (self.processors.len() - 1) as u32
    }
}

fn names(list: &Value) -> Vec<Arc<str>> {
    list.as_array()
        .unwrap_or_default()
        .iter()
        .filter_map(|item| match item {
            Value::String(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}
