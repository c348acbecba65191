//! Expressions: JSONata between `{%` and `%}`.
//!
//! AWS evaluates a string only when it is one expression from end to end. Authors may also write expressions
//! inside a text (`Pay {% $input.number %}?`); those become one expression that joins the parts.

mod analysis;
mod builtin;
mod text;

pub(crate) use analysis::{Read, analyse};
pub(crate) use builtin::is_builtin;
pub(crate) use text::{Piece, pieces, source};

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::problem::Pointer;

/// A variable that an expression may read although the state machine holds none of that name there: it is
/// bound in front of the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) name: String,
    /// A JSONata expression.
    pub(crate) source: String,
}

impl Binding {
    pub(crate) fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self { name: name.into(), source: source.into() }
    }
}

/// The JSONata of an expression with the bindings it needs in front. Of two bindings of one name the first counts.
pub(crate) fn bind(expression: &str, bindings: &[Binding]) -> String {
    let reads = analyse(expression).reads;
    let mut bound: Vec<&str> = Vec::new();
    let mut front = String::new();
    for binding in bindings {
        let is_read = reads.iter().any(|read| read.variable == binding.name);
        if is_read && !bound.contains(&binding.name.as_str()) {
            bound.push(&binding.name);
            front += &format!("${} := {}; ", binding.name, binding.source);
        }
    }
    if front.is_empty() { expression.to_owned() } else { format!("({front}{expression})") }
}

/// A value as a state machine holds it: each text with expressions becomes one expression.
pub(crate) fn lower(value: &Value, bindings: &[Binding]) -> Value {
    match value {
        Value::String(text) => match source(text) {
            Some(expression) => Value::String(format!("{{% {} %}}", bind(&expression, bindings))),
            None => value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| lower(item, bindings)).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), lower(member, bindings)))
                .collect::<Map<_, _>>(),
        ),
        _ => value.clone(),
    }
}

/// Calls back for each text in a value, with its place.
pub(crate) fn each_text(value: &Value, pointer: &Pointer, visit: &mut dyn FnMut(&Pointer, &str)) {
    match value {
        Value::String(text) => visit(pointer, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_text(item, &pointer.join(index), visit);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                each_text(member, &pointer.join(name), visit);
            }
        }
        _ => {}
    }
}

/// The variables that the expressions of a value read.
pub(crate) fn variables(value: &Value, found: &mut BTreeSet<String>) {
    each_text(value, &Pointer::root(), &mut |_, text| {
        if let Some(expression) = source(text) {
            found.extend(analyse(&expression).reads.into_iter().map(|read| read.variable));
        }
    });
}

#[cfg(test)]
mod tests;
