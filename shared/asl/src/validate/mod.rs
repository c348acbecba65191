//! What AWS says about a definition.

mod choice;
mod fields;
mod json;
mod label;
mod map;
mod states;
mod templates;

use crate::program::Language;
use crate::{Diagnostic, Severity, Value};
use std::collections::HashSet;

/// Whether a machine runs as Standard or Express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MachineType {
    /// Lasts up to a year, each step is recorded.
    #[default]
    Standard,
    /// Lasts up to five minutes, and supports neither `.sync` nor `.waitForTaskToken`.
    Express,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ValidationOptions {
    /// The type of the machine.
    pub machine_type: MachineType,
    /// Whether any URI may stand as a resource, as the States Language allows, and not only what AWS runs.
    pub any_resource: bool,
}

pub(crate) const INVALID: &str = "SCHEMA_VALIDATION_FAILED";
pub(crate) const MISSING_TARGET: &str = "MISSING_TRANSITION_TARGET";

/// AWS accepts no longer definitions.
const MAX_DEFINITION: usize = 1_048_576;

/// What `ValidateStateMachineDefinition` says about a definition.
#[must_use]
pub fn validate(definition: &str, options: ValidationOptions) -> Vec<Diagnostic> {
    let (value, mut found) = read_and_check(definition, options);
    if !found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) && !options.any_resource {
        found.extend(crate::compile::compile(definition, &value).err());
    }
    found
}

/// Reads a definition and collects what is wrong with it.
pub(crate) fn read_and_check(text: &str, options: ValidationOptions) -> (Value, Vec<Diagnostic>) {
    if text.len() > MAX_DEFINITION {
        let message = format!("The definition is longer than {MAX_DEFINITION} bytes");
        return (Value::Null, vec![Diagnostic::error(INVALID, message, "/")]);
    }
    let value = match Value::parse(text) {
        Ok(value) => value,
        Err(error) => return (Value::Null, vec![json::syntax_error(text, &error)]),
    };
    let mut check = Check { found: Vec::new(), options, language: Language::JsonPath, names: HashSet::new() };
    check.language = check.machine_language(&value, "");
    check.machine(&value, "", true);
    for diagnostic in &mut check.found {
        if let Some(detail) = diagnostic.label_problem.take() {
            diagnostic.rejection = Some(format!(
                "Error=ValueError Args=[{}] in definition '{text}'.",
                label::python_repr(&detail)
            ));
        }
    }
    (value, check.found)
}

/// The collection of findings.
struct Check {
    found: Vec<Diagnostic>,
    options: ValidationOptions,
    /// The query language of the whole machine.
    language: Language,
    names: HashSet<String>,
}

impl Check {
    fn error(&mut self, message: impl Into<String>, place: &str) {
        let place = if place.is_empty() { "/" } else { place };
        self.found.push(Diagnostic::error(INVALID, message, place));
    }

    fn machine_language(&mut self, holder: &Value, place: &str) -> Language {
        match holder.get("QueryLanguage") {
            None => Language::JsonPath,
            Some(Value::String(name)) if &**name == "JSONPath" => Language::JsonPath,
            Some(Value::String(name)) if &**name == "JSONata" => Language::Jsonata,
            Some(_) => {
                self.error(
                    "Value is not one of the allowed values: [JSONPath, JSONata]",
                    &format!("{place}/QueryLanguage"),
                );
                Language::JsonPath
            }
        }
    }

    /// A machine, a branch or a processor.
    fn machine(&mut self, holder: &Value, place: &str, whole: bool) {
        let Some(members) = holder.as_object() else {
            return self.error("Expected value of type Object", place);
        };
        let missing: Vec<&str> =
            ["States", "StartAt"].into_iter().filter(|field| !members.contains_key(*field)).collect();
        if !missing.is_empty() {
            return self.error(format!("These fields are required: [{}]", missing.join(", ")), place);
        }
        let allowed: &[&str] = if whole {
            &["Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"]
        } else {
            &["Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"]
        };
        self.only(holder, allowed, place);
        if whole {
            self.count(holder, "TimeoutSeconds", 1, place);
        }
        let (Some(states), Some(start)) =
            (holder.get("States").and_then(Value::as_object), holder.get("StartAt").and_then(Value::as_str))
        else {
            return self.error("Expected 'States' of type Object and 'StartAt' of type String", place);
        };
        if states.is_empty() {
            return self.error("A state machine must have at least one state", &format!("{place}/States"));
        }
        if !states.contains_key(start) {
            let message = format!("Missing 'StartAt' target: {start}");
            self.found.push(Diagnostic::error(MISSING_TARGET, message, format!("{place}/StartAt")));
        }
        for (name, state) in states {
            let state_place = format!("{place}/States/{name}");
            if name.is_empty() || name.chars().count() > 80 {
                self.error("The name of a state must have 1 to 80 characters", &state_place);
            }
            if !self.names.insert(name.to_string()) {
                self.found.push(Diagnostic::error(
                    "DUPLICATE_STATE_NAME",
                    format!("Duplicate State name: {name}"),
                    state_place.clone(),
                ));
            }
            self.state(state, states, &state_place);
        }
        self.reachable(states, start, place);
    }

    /// Every state must be the target of another, or the start.
    fn reachable(&mut self, states: &crate::Object, start: &str, place: &str) {
        let mut reached = HashSet::from([start]);
        let mut open = vec![start];
        while let Some(name) = open.pop() {
            let next = states.get(name).map(targets).unwrap_or_default();
            open.extend(next.into_iter().filter(|target| reached.insert(*target)));
        }
        for name in states.keys().filter(|name| !reached.contains(&***name)) {
            self.found.push(Diagnostic::error(
                MISSING_TARGET,
                format!("State \"{name}\" is not reachable."),
                format!("{place}/States/{name}"),
            ));
        }
    }
}

/// The states that a state names as next.
pub(crate) fn targets(state: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    names.extend(["Next", "Default"].iter().filter_map(|field| state.get(field).and_then(Value::as_str)));
    for list in ["Choices", "Catch"] {
        let holders = state.get(list).and_then(Value::as_array).unwrap_or_default();
        names.extend(holders.iter().filter_map(|holder| holder.get("Next").and_then(Value::as_str)));
    }
    names
}
