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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check, parse, read::Format, template::templates};

    fn accepts(definition: &Value) -> bool {
        jsonschema::validator_for(&schema(Catalogue::embedded())).unwrap().is_valid(definition)
    }

    #[test]
    fn editors_accept_what_the_checks_accept() {
        let parameters =
            json!({ "payment_url": "https://bank.example/p", "ledger_url": "https://ledger.example/r" });
        for template in templates() {
            let instance = template.instantiate("mine", &parameters).unwrap();
            let document = parse(&instance.text, Format::Json).unwrap();
            assert_eq!(check(&document, Catalogue::embedded()), []);
            assert!(accepts(&instance.definition), "{}", template.id);
        }
        for spec in Catalogue::embedded().iter() {
            let definition = json!({ "workflow": "sample", "steps": { "a": spec.example } });
            assert!(accepts(&definition), "{}", spec.activity_type);
        }
    }

    #[test]
    fn editors_refuse_what_has_no_meaning() {
        let step = |step: Value| json!({ "workflow": "sample", "steps": { "a": step } });
        assert!(!accepts(&json!({ "steps": {} })));
        assert!(!accepts(&step(json!({ "activity": "Nope" }))));
        assert!(!accepts(&step(json!({ "activity": "Delay", "fr": "1s" }))));
        assert!(!accepts(&step(json!({ "activity": "Delay", "timeout": "soon" }))));
        assert!(!accepts(&step(
            json!({ "activity": "HttpRequest", "with": { "method": "FETCH", "url": "x" } })
        )));
        assert!(!accepts(&step(json!({ "activity": "HttpRequest", "with": { "method": "GET" } }))));
        assert!(accepts(&step(
            json!({ "activity": "HttpRequest", "with": { "method": "{% $m %}", "url": "x" } })
        )));
    }
}
