//! The published JSON Schema of the language, for editors.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::{catalogue::Catalogue, model::Definition};

/// The language's structure, as the types say it.
pub(crate) static STRUCTURE: LazyLock<Value> = LazyLock::new(|| {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<Definition>().to_value()
});

/// The JSON Schema of definitions, with the types of a catalogue: for `docs/reference/workflow.schema.json`.
#[must_use]
pub fn schema(catalogue: &Catalogue) -> Value {
    let mut schema = STRUCTURE.clone();
    let types: Vec<Value> = catalogue
        .iter()
        .map(|spec| json!({ "const": spec.activity_type, "title": spec.title, "description": spec.description }))
        .collect();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("TOSS workflow"));
    }
    for owner in ["Step", "Compensate"] {
        if let Some(activity) = schema.pointer_mut(&format!("/$defs/{owner}/properties/activity")) {
            let description = activity.get("description").cloned().unwrap_or_default();
            *activity = json!({ "description": description, "type": "string", "oneOf": types });
        }
    }
    if let Some(step) = schema.pointer_mut("/$defs/Step").and_then(Value::as_object_mut) {
        let completions: Vec<Value> = catalogue
            .iter()
            .map(|spec| {
                json!({
                    "if": { "properties": { "activity": { "const": spec.activity_type } }, "required": ["activity"] },
                    "then": { "properties": { "with": parameters(&spec.parameters) } },
                })
            })
            .collect();
        step.insert("allOf".to_owned(), Value::Array(completions));
    }
    schema
}

/// An activity's parameters with any value allowed to be an expression.
fn parameters(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            let description = property.get("description").cloned().unwrap_or_default();
            let expression = json!({ "type": "string", "pattern": "\\{%[\\s\\S]*%\\}" });
            *property = json!({ "description": description, "anyOf": [property.take(), expression] });
        }
    }
    schema
}
