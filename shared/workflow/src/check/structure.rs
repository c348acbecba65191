//! From the tree to the types: what does not fit the language's structure is told and left out, so that the
//! rest is still understood.

use serde_json::Value;

use super::shape::{self, Difference, Member};
use crate::{
    model::Definition,
    problem::{Pointer, Problem, tokens},
    read::Document,
    schema::STRUCTURE,
};

/// The definition as far as it can be understood, and the structure's problems.
pub(crate) fn understand(document: &Document) -> (Definition, Vec<Problem>) {
    let mut differences = shape::differences(&STRUCTURE, document.value(), &Pointer::root(), Member::Key);
    let mut value = document.value().clone();
    for difference in differences.iter().filter(|difference| difference.unusable) {
        remove(&mut value, difference.pointer.as_str());
    }
    let definition =
        if value.is_object() { serde_json::from_value(value) } else { Ok(Definition::default()) };
    let definition = definition.unwrap_or_else(|error| {
        if differences.is_empty() {
            let message = format!("the definition cannot be understood: {error}");
            differences.push(Difference {
                pointer: Pointer::root(),
                code: "wrong-type",
                message,
                unusable: true,
            });
        }
        Definition::default()
    });
    let problems = differences
        .into_iter()
        .map(|difference| document.problem(difference.pointer.as_str(), difference.code, difference.message));
    (definition, problems.collect())
}

/// Takes a member out; an element of a list becomes one that says nothing, so that the others keep their places.
fn remove(value: &mut Value, pointer: &str) {
    let path: Vec<String> = tokens(pointer).collect();
    let Some((last, parents)) = path.split_last() else {
        *value = Value::Null;
        return;
    };
    let parent = parents.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => token.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        _ => None,
    });
    match parent {
        Some(Value::Object(members)) => {
            members.shift_remove(last);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                // A list of names holds texts, every other list holds mappings.
                let in_names = matches!(parents.last().map(String::as_str), Some("on"));
                *item = if in_names {
                    Value::String(String::new())
                } else {
                    Value::Object(serde_json::Map::new())
                };
            }
        }
        _ => {}
    }
}
