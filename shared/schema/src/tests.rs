use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn violations(schema: &Value, data: &Value) -> Result<Vec<Violation>, SchemaError> {
    Schema::compile(schema)?.violations(data)
}

#[test]
fn every_violation_is_listed_with_its_place_and_without_values() {
    let schema = json!({
        "type": "object",
        "required": ["number", "amount"],
        "properties": { "amount": { "type": "number", "exclusiveMinimum": 0 }, "iban": { "pattern": "^[A-Z]{2}" } },
    });
    let found = violations(&schema, &json!({ "amount": -5, "iban": "secret" })).unwrap();
    let pointers: Vec<&str> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(pointers.contains(&"/amount") && pointers.contains(&"/iban") && pointers.contains(&""));
    assert!(found.iter().all(|violation| !violation.message.contains("secret")));
    assert!(violations(&schema, &json!({ "number": "1", "amount": 5 })).unwrap().is_empty());
}

#[test]
fn what_reaches_out_or_needs_backtracking_is_refused() {
    for schema in [
        json!({ "$ref": "https://evil.example/schema.json" }),
        json!({ "properties": { "a": { "$ref": "file:///etc/passwd" } } }),
        json!({ "$ref": "other.json#/a" }),
        json!({ "$dynamicRef": "#a" }),
        json!({ "properties": { "a": { "$id": "https://a.example/x" } } }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
    ] {
        assert!(matches!(Schema::compile(&schema), Err(SchemaError::Refused { .. })), "{schema}");
    }
    for schema in [
        json!({ "pattern": "(?=a)b" }),
        json!({ "pattern": "(((a{100}){100}){100}){100}" }),
        json!({ "type": "no-such-type" }),
        json!({ "minimum": "1" }),
        json!([]),
        json!("text"),
        json!({ "$ref": "#/no/such/place" }),
    ] {
        assert!(matches!(Schema::compile(&schema), Err(SchemaError::Invalid { .. })), "{schema}");
    }
}

#[test]
fn a_property_may_have_the_name_of_a_refused_keyword() {
    let schema =
        json!({ "properties": { "$id": { "type": "string" }, "x": { "const": { "$ref": "http://a/" } } } });
    assert!(violations(&schema, &json!({ "$id": "a", "x": { "$ref": "http://a/" } })).unwrap().is_empty());
}

#[test]
fn a_schema_that_explodes_is_refused_at_once() {
    let mut parts = Map::new();
    parts.insert("a0".into(), json!({ "type": "string" }));
    for level in 1..60 {
        let below = json!({ "$ref": format!("#/$defs/a{}", level - 1) });
        parts.insert(format!("a{level}"), json!({ "allOf": [below, below] }));
    }
    let bomb = json!({ "$defs": parts, "$ref": "#/$defs/a59" });
    let branching = json!({ "$defs": { "n": { "anyOf": [{ "items": { "$ref": "#/$defs/n" } }, { "items": { "$ref": "#/$defs/n" } }] } }, "$ref": "#/$defs/n" });
    let mut nested = json!(1);
    for _ in 0..90 {
        nested = json!([nested]);
    }
    let started = Instant::now();
    for (schema, data) in [(bomb, json!("x")), (json!({ "$ref": "#" }), json!(1)), (branching, nested)] {
        let refused = Schema::compile(&schema).and_then(|schema| schema.violations(&data));
        assert!(refused.is_err(), "{schema}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn deep_documents_are_refused_and_shallow_ones_recurse() {
    let tree = json!({ "$defs": { "n": { "type": "object", "properties": { "next": { "$ref": "#/$defs/n" } } } }, "$ref": "#/$defs/n" });
    assert!(violations(&tree, &json!({ "next": { "next": { "next": {} } } })).unwrap().is_empty());
    assert_eq!(violations(&tree, &json!({ "next": { "next": 5 } })).unwrap()[0].pointer, "/next/next");
    let mut deep = json!({});
    for _ in 0..MAX_DEPTH {
        deep = json!({ "next": deep });
    }
    assert_eq!(violations(&tree, &deep), Err(SchemaError::TooDeep { what: "data" }));
    assert!(matches!(Schema::compile(&deep), Err(SchemaError::TooDeep { what: "schema" })));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["string", "object", "#", "#/$defs/a", "^a+$", "date", "(", "{2}"])
            .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "type",
        "properties",
        "items",
        "allOf",
        "anyOf",
        "not",
        "$ref",
        "$defs",
        "a",
        "pattern",
        "format",
        "required",
        "minimum",
        "const",
        "enum",
        "if",
        "then",
        "uniqueItems",
        "dependentSchemas",
        "$anchor",
    ]);
    leaf.prop_recursive(4, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..4).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_and_no_data_panic_or_hang(schema in document(), data in document()) {
        if let Ok(schema) = Schema::compile(&schema) {
            let _ = schema.violations(&data);
        }
    }
}
