//! JSON Schemas that authors write: hostile ones too.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};

/// The most problems told at once.
const MOST: usize = 50;

/// Prepares a schema. It reaches nothing outside itself, and its patterns take linear time.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn prepare(schema: &Value) -> Result<Validator, String> {
    if circular(schema) {
        return Err("its '$ref's lead back to themselves without going deeper into the value".to_owned());
    }
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20).dfa_size_limit(1 << 20))
        .should_validate_formats(true)
        .offline()
        .build(schema)
        .map_err(|error| error.to_string().chars().take(500).collect())
}

/// What is wrong with a value, as the members of `problems`, with pointers below `at`.
pub(crate) fn problems(validator: &Validator, value: &Value, at: &str) -> Vec<Value> {
    validator
        .iter_errors(value)
        .take(MOST)
        .map(|error| {
            let message: String = error.to_string().chars().take(500).collect();
            json!({ "pointer": format!("{at}{}", error.instance_path()), "code": "schema", "message": message })
        })
        .collect()
}

/// Whether references form a circle in which nothing is read of the value, so that a check would never end.
/// Only references within the schema are followed; others are refused anyway.
fn circular(schema: &Value) -> bool {
    let mut open = Vec::new();
    let mut done = std::collections::BTreeSet::new();
    visit(schema, schema, &mut open, &mut done, 0)
}

/// Keywords whose schemas apply to the same value.
const IN_PLACE: &[&str] =
    &["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "$ref", "$dynamicRef"];
/// Keywords that hold schemas for parts of the value.
const DEEPER: &[&str] = &[
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "prefixItems",
    "unevaluatedItems",
    "contains",
    "$defs",
    "definitions",
];

/// Deeper than any definition that can be read.
const DEEPEST: usize = 200;

fn visit<'s>(
    root: &'s Value,
    schema: &'s Value,
    open: &mut Vec<*const Value>,
    done: &mut std::collections::BTreeSet<*const Value>,
    depth: usize,
) -> bool {
    let place = std::ptr::from_ref(schema);
    if open.contains(&place) || depth > DEEPEST {
        return true;
    }
    let Some(members) = schema.as_object() else { return false };
    if !done.insert(place) {
        return false;
    }
    open.push(place);
    let in_place = IN_PLACE.iter().filter_map(|keyword| Some((*keyword, members.get(*keyword)?)));
    for (keyword, value) in in_place {
        let found = match (keyword, value) {
            ("$ref" | "$dynamicRef", Value::String(reference)) => {
                target(root, reference).is_some_and(|target| visit(root, target, open, done, depth + 1))
            }
            ("dependentSchemas", Value::Object(schemas)) => {
                schemas.values().any(|schema| visit(root, schema, open, done, depth + 1))
            }
            (_, Value::Array(schemas)) => {
                schemas.iter().any(|schema| visit(root, schema, open, done, depth + 1))
            }
            (_, schema) => visit(root, schema, open, done, depth + 1),
        };
        if found {
            return true;
        }
    }
    open.pop();
    // Further down another part of the value is read: a circle may begin anew there, but not close over here.
    DEEPER.iter().filter_map(|keyword| Some((*keyword, members.get(*keyword)?))).any(|(keyword, value)| {
        let named = matches!(keyword, "properties" | "patternProperties" | "$defs" | "definitions");
        match value {
            Value::Object(schemas) if named => {
                schemas.values().any(|schema| visit(root, schema, &mut Vec::new(), done, depth + 1))
            }
            Value::Array(schemas) => {
                schemas.iter().any(|schema| visit(root, schema, &mut Vec::new(), done, depth + 1))
            }
            schema => visit(root, schema, &mut Vec::new(), done, depth + 1),
        }
    })
}

/// The schema that a reference within the document names, by pointer or by anchor.
fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(fragment);
    }
    anchored(root, fragment, 0)
}

fn anchored<'s>(value: &'s Value, anchor: &str, depth: usize) -> Option<&'s Value> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::Object(members) => {
            let named = |keyword: &str| members.get(keyword).and_then(Value::as_str) == Some(anchor);
            if named("$anchor") || named("$dynamicAnchor") {
                return Some(value);
            }
            members.values().find_map(|member| anchored(member, anchor, depth + 1))
        }
        Value::Array(items) => items.iter().find_map(|item| anchored(item, anchor, depth + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_checked_against_its_schema_and_all_problems_are_told() {
        let schema =
            json!({ "type": "object", "required": ["a"], "properties": { "b": { "type": "integer" } } });
        let validator = prepare(&schema).unwrap();
        assert!(problems(&validator, &json!({ "a": 1, "b": 2 }), "/input").is_empty());
        let found = problems(&validator, &json!({ "b": "x" }), "/input");
        assert_eq!(found.len(), 2);
        assert!(found.iter().any(|problem| problem["pointer"] == "/input/b"));
    }

    #[test]
    fn a_schema_that_would_never_end_is_refused() {
        for schema in [
            json!({ "$ref": "#" }),
            json!({ "allOf": [{ "$ref": "#" }] }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
            json!({ "properties": { "x": { "$anchor": "x", "anyOf": [{ "$ref": "#x" }] } } }),
            json!({ "$defs": { "a": { "not": { "$ref": "#/$defs/a" } } }, "properties": { "p": { "$ref": "#/$defs/a" } } }),
        ] {
            assert!(prepare(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_schema_of_trees_is_a_good_schema() {
        let schema = json!({
            "$defs": { "node": {
                "type": "object",
                "properties": { "children": { "type": "array", "items": { "$ref": "#/$defs/node" } } },
            } },
            "$ref": "#/$defs/node",
        });
        let validator = prepare(&schema).unwrap();
        assert!(problems(&validator, &json!({ "children": [{ "children": [] }] }), "").is_empty());
        assert_eq!(problems(&validator, &json!({ "children": [{ "children": 1 }] }), "").len(), 1);
        assert!(prepare(&json!({ "properties": { "self": { "$ref": "#" } } })).is_ok());
    }

    #[test]
    fn what_is_no_schema_or_reaches_outside_is_refused() {
        for schema in [
            json!({ "type": "moon" }),
            json!({ "pattern": "(" }),
            json!({ "$ref": "http://169.254.169.254/latest" }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "pattern": "(a{1000}){1000}{1000}" }),
        ] {
            assert!(prepare(&schema).is_err(), "{schema}");
        }
    }
}
