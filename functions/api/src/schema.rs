//! JSON Schemas that authors write: hostile ones too.
//!
//! A schema can be made to take longer than the universe lasts, by references that double with each level. So
//! each schema inside it is given a keyword of ours, first of all, that spends a unit of fuel; without fuel
//! everything is refused at once. All problems of a value are told only where the whole work is known to be small.

mod shape;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jsonschema::{Draft, Keyword, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value, json};

/// The most problems told at once.
const MOST: usize = 50;
/// The most schemas that are applied for one value: about a second.
const FUEL: u64 = 1_000_000;
/// The keyword that spends fuel.
const KEYWORD: &str = "x-toss-fuel";

/// A schema that values can be checked against.
pub(crate) struct Schema {
    validator: Validator,
    fuel: Arc<AtomicU64>,
    /// How many schemas it holds when references are followed; none when that never ends.
    size: Option<u64>,
}

struct Spend(Arc<AtomicU64>);

impl Spend {
    fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fuel| fuel.checked_sub(1)).is_ok()
    }
}

impl<'i> Keyword<'i> for Spend {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.spend() { Ok(()) } else { Err(ValidationError::custom("the check takes too long")) }
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        self.spend()
    }
}

impl Schema {
    /// Prepares a schema. It reaches nothing outside itself, and its patterns take linear time.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn prepare(schema: &Value) -> Result<Self, String> {
        if shape::is_circular(schema) {
            return Err("its '$ref's lead back to themselves without going deeper into the value".to_owned());
        }
        let fuel = Arc::new(AtomicU64::new(0));
        let tank = Arc::clone(&fuel);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20).dfa_size_limit(1 << 20))
            .with_keyword(KEYWORD, move |_: &Map<String, Value>, _: &Value, _| {
                Ok(Box::new(Spend(Arc::clone(&tank))))
            })
            .should_validate_formats(true)
            .offline()
            .build(&shape::metered(schema, KEYWORD))
            .map_err(|error| -> String { error.to_string().chars().take(500).collect() })?;
        Ok(Self { validator, fuel, size: shape::size(schema) })
    }

    /// What is wrong with a value, as the members of `problems`, with pointers below `at`.
    pub(crate) fn problems(&self, value: &Value, at: &str) -> Vec<Value> {
        self.fuel.store(FUEL, Ordering::Relaxed);
        let valid = self.validator.is_valid(value);
        if self.fuel.load(Ordering::Relaxed) == 0 {
            let message =
                "checking this value against the schema takes too long; make the schema or the value simpler";
            return vec![json!({ "pointer": at, "code": "too-complex", "message": message })];
        }
        if valid {
            return Vec::new();
        }
        let work = self.size.and_then(|size| size.checked_mul(shape::values(value)));
        if work.is_none_or(|work| work > FUEL) {
            let message = "the value does not fit the schema";
            return vec![json!({ "pointer": at, "code": "schema", "message": message })];
        }
        self.fuel.store(u64::MAX, Ordering::Relaxed);
        let told = |error: ValidationError<'_>| {
            let message: String = error.to_string().chars().take(500).collect();
            json!({ "pointer": format!("{at}{}", error.instance_path()), "code": "schema", "message": message })
        };
        self.validator.iter_errors(value).take(MOST).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(schema: &Value, value: &Value) -> Vec<Value> {
        Schema::prepare(schema).unwrap().problems(value, "/input")
    }

    #[test]
    fn a_value_is_checked_against_its_schema_and_all_problems_are_told() {
        let schema =
            json!({ "type": "object", "required": ["a"], "properties": { "b": { "type": "integer" } } });
        assert!(problems(&schema, &json!({ "a": 1, "b": 2 })).is_empty());
        let found = problems(&schema, &json!({ "b": "x" }));
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
            assert!(Schema::prepare(&schema).is_err(), "{schema}");
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
        assert!(problems(&schema, &json!({ "children": [{ "children": [] }] })).is_empty());
        assert_eq!(problems(&schema, &json!({ "children": [{ "children": 1 }] })).len(), 1);
        assert!(Schema::prepare(&json!({ "properties": { "self": { "$ref": "#" } } })).is_ok());
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
            assert!(Schema::prepare(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_schema_that_doubles_its_work_at_each_level_is_stopped() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/a{}", level + 1) });
            definitions.insert(format!("a{level}"), json!({ "allOf": [next, next] }));
        }
        definitions.insert("a40".to_owned(), json!({ "type": "integer" }));
        let schema = json!({ "$ref": "#/$defs/a0", "$defs": definitions });
        assert!(problems(&schema, &json!(1)).iter().all(|problem| problem["code"] == "too-complex"));
        assert_eq!(problems(&schema, &json!("x"))[0]["code"], "schema");

        let node = json!({ "$ref": "#/$defs/n" });
        let schema = json!({ "$defs": { "n": { "items": { "allOf": [node, node] } } }, "$ref": "#/$defs/n" });
        let deep = (0..100).fold(json!(1), |value, _| json!([value]));
        assert!(problems(&schema, &deep).iter().all(|problem| problem["code"] == "too-complex"));

        let either =
            json!([{ "properties": { "c": node } }, { "required": ["c"], "properties": { "c": node } }]);
        let schema = json!({ "$defs": { "n": { "not": { "anyOf": either } } }, "$ref": "#/$defs/n" });
        let deep = (0..100).fold(json!(1), |value, _| json!({ "c": value }));
        problems(&schema, &deep);
    }

    #[test]
    fn members_that_are_called_like_keywords_are_members() {
        let schema = json!({
            "properties": { "const": { "type": "integer" }, "$ref": { "type": "string" } },
            "dependentRequired": { "const": ["$ref"] },
            "additionalProperties": false,
        });
        assert!(problems(&schema, &json!({ "const": 1, "$ref": "x" })).is_empty());
        assert_eq!(problems(&schema, &json!({ "const": 1 })).len(), 1);
        assert_eq!(problems(&schema, &json!({ "other": 1 })).len(), 1);
        assert_eq!(problems(&json!({ "const": { "a": 1 } }), &json!({ "a": 1 })).len(), 0);
    }
}
