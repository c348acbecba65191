//! Templates: definitions with parameters.
//!
//! A template's definition is a tree in which `{ $parameter: name }` stands for a parameter's value, and
//! `{ $expression: "…" }` for an expression that may read parameters as variables. Both are put in as values,
//! never as text, so that no parameter can become code.

use std::{borrow::Cow, sync::LazyLock};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    check::shape::{self, Member},
    expression::{self, Binding},
    problem::{Pointer, Problem},
    read::{Format, parse},
    schema::STRUCTURE,
};

/// A definition with parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Template {
    /// The name it is asked for by, such as `invoice-approval`.
    pub id: String,
    /// A few words for lists.
    pub title: String,
    /// What it does, in a sentence.
    pub description: String,
    /// JSON Schema of its parameters, with defaults.
    pub parameters: Value,
    /// Inputs to try it with.
    pub samples: Vec<Sample>,
    /// Its page, in Markdown.
    #[serde(skip)]
    pub documentation: &'static str,
    #[serde(skip)]
    definition: Value,
}

/// An input that ships with a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// What it shows, such as `over-threshold`.
    pub name: String,
    /// The execution's input.
    pub input: Value,
}

/// A definition made from a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The definition.
    pub definition: Value,
    /// The definition as JSON text, for [`parse`] with [`Format::Json`].
    pub text: String,
}

macro_rules! template {
    ($id:literal, samples: [$($sample:literal),* $(,)?]) => {
        Source {
            id: $id,
            text: include_str!(concat!("../../templates/", $id, "/template.yaml")),
            documentation: include_str!(concat!("../../templates/", $id, "/README.md")),
            samples: &[$(($sample, include_str!(concat!("../../templates/", $id, "/", $sample, ".sample.json")))),*],
        }
    };
}

struct Source {
    id: &'static str,
    text: &'static str,
    documentation: &'static str,
    samples: &'static [(&'static str, &'static str)],
}

/// All templates. Adding one is a folder and a line.
const SOURCES: &[Source] =
    &[template!("invoice-approval", samples: ["under-threshold", "over-threshold", "invalid"])];

static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| SOURCES.iter().filter_map(read).collect());

/// All templates, by id.
#[must_use]
pub fn templates() -> &'static [Template] {
    &TEMPLATES
}

/// The template of this id.
#[must_use]
pub fn template(id: &str) -> Option<&'static Template> {
    templates().iter().find(|template| template.id == id)
}

/// INVARIANT: the files are part of the crate, and a test reads them all.
fn read(source: &Source) -> Option<Template> {
    let document = parse(source.text, Format::Yaml).ok()?;
    let value = document.value();
    let mut parameters = value.get("parameters")?.clone();
    let durations = json!({ "Duration": STRUCTURE.pointer("/$defs/Duration") });
    parameters.as_object_mut()?.insert("$defs".to_owned(), durations);
    let samples = source.samples.iter().map(|(name, text)| {
        Some(Sample { name: (*name).to_owned(), input: serde_json::from_str(text).ok()? })
    });
    Some(Template {
        id: source.id.to_owned(),
        title: value.get("title")?.as_str()?.to_owned(),
        description: value.get("description")?.as_str()?.to_owned(),
        parameters,
        samples: samples.collect::<Option<Vec<_>>>()?,
        documentation: source.documentation,
        definition: value.get("definition")?.clone(),
    })
}

impl Template {
    /// Makes a definition. Parameters that are not given have their defaults.
    ///
    /// # Errors
    /// Everything that is wrong with the parameters, with pointers below `/parameters`.
    pub fn instantiate(&self, name: &str, parameters: &Value) -> Result<Instance, Vec<Problem>> {
        let at = Pointer::root().join("parameters");
        let mut problems = Vec::new();
        let mut values = Map::new();
        match parameters {
            Value::Null => {}
            Value::Object(given) => values.clone_from(given),
            _ => problems.push(problem(
                &at,
                "wrong-type",
                "a mapping of parameters should stand here".to_owned(),
            )),
        }
        for (name, value) in &values {
            expression::each_text(value, &at.join(name), &mut |at, text| {
                if text.contains("{%") {
                    let message = "a parameter is a value, not an expression; remove '{%'".to_owned();
                    problems.push(problem(at, "expression-in-parameter", message));
                }
            });
        }
        for (name, schema) in
            self.parameters.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            if let (false, Some(default)) = (values.contains_key(name), schema.get("default")) {
                values.insert(name.clone(), default.clone());
            }
        }
        let whole = Value::Object(values);
        let found = shape::differences(&self.parameters, &whole, &at, Member::Parameter);
        problems.extend(found.into_iter().map(|found| problem(&found.pointer, found.code, found.message)));
        if !problems.is_empty() {
            return Err(problems);
        }
        let bindings = self.bindings(&whole);
        let mut definition = substitute(&self.definition, &whole, &bindings).unwrap_or_default();
        if let Some(members) = definition.as_object_mut() {
            members.insert("workflow".to_owned(), json!(name));
        }
        let text = serde_json::to_string_pretty(&definition).unwrap_or_default();
        Ok(Instance { definition, text })
    }

    /// Parameters as variables: each one a literal, or nothing where it has no value.
    fn bindings(&self, values: &Value) -> Vec<Binding> {
        let names = self.parameters.get("properties").and_then(Value::as_object).into_iter().flatten();
        names
            .map(|(name, _)| {
                Binding::new(name, values.get(name).map_or_else(|| "null".to_owned(), Value::to_string))
            })
            .collect()
    }
}

/// The tree with parameters put in; `None` for a member whose parameter has no value.
fn substitute(node: &Value, values: &Value, bindings: &[Binding]) -> Option<Value> {
    match node {
        Value::Object(members) => {
            if let (1, Some(name)) = (members.len(), members.get("$parameter").and_then(Value::as_str)) {
                return values.get(name).cloned();
            }
            if let (1, Some(expression)) = (members.len(), members.get("$expression").and_then(Value::as_str))
            {
                return Some(json!(format!("{{% {} %}}", expression::bind(expression.trim(), bindings))));
            }
            let members = members.iter();
            let members = members
                .filter_map(|(name, member)| Some((name.clone(), substitute(member, values, bindings)?)));
            Some(Value::Object(members.collect()))
        }
        Value::Array(items) => {
            Some(Value::Array(items.iter().filter_map(|item| substitute(item, values, bindings)).collect()))
        }
        _ => Some(node.clone()),
    }
}

fn problem(at: &Pointer, code: &'static str, message: String) -> Problem {
    Problem { pointer: at.as_str().to_owned(), line: 1, column: 1, code: Cow::Borrowed(code), message }
}

#[cfg(test)]
mod tests;
