//! What a validation will cost, counted before it is done.
//!
//! The walk goes over schema and data as a validator does that never stops early: it visits a subschema once
//! for each place where the schema applies it. So its count is no less than the validator's work, and because
//! every visit costs one step, the walk itself ends.

use serde_json::{Map, Value};

use crate::SchemaError;

/// The most visits of a subschema. A second or so of the slowest validation.
const STEPS: u32 = 400_000;

/// Applicators that hold one schema for the same place.
const SAME_PLACE: [&str; 4] = ["not", "if", "then", "else"];
/// Applicators that hold a list of schemas for the same place.
const SAME_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Applicators that hold one schema for every member or item.
const EACH_PLACE: [&str; 6] = [
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "propertyNames",
];

/// Refuses keywords that reach other documents or make references ambiguous to the walk.
pub(crate) fn refuse(schema: &Value, pointer: &mut String, root: bool) -> Result<(), SchemaError> {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => {
            return items.iter().enumerate().try_for_each(|(place, item)| {
                within(pointer, &place.to_string(), |pointer| refuse(item, pointer, false))
            });
        }
        _ => return Ok(()),
    };
    for (name, value) in members {
        let reason = match (name.as_str(), value) {
            ("$ref", Value::String(target)) if !target.starts_with('#') => {
                Some("only references within the schema are followed, such as '#/$defs/line'")
            }
            ("$dynamicRef" | "$recursiveRef", Value::String(_)) => Some("use '$ref'"),
            ("$id", Value::String(_)) if !root => Some("only the schema itself may have an '$id'"),
            ("$schema", Value::String(dialect)) if !dialect.contains("/2020-12/") => {
                Some("schemas are of draft 2020-12")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(SchemaError::Refused { keyword: name.clone(), pointer: pointer.clone(), reason });
        }
        // What these hold is data, not a schema.
        if !matches!(name.as_str(), "const" | "enum" | "default" | "examples") {
            within(pointer, name, |pointer| refuse(value, pointer, false))?;
        }
    }
    Ok(())
}

fn within<T>(pointer: &mut String, name: &str, visit: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    let answer = visit(pointer);
    pointer.truncate(length);
    answer
}

/// The steps that are left.
pub(crate) struct Budget<'a> {
    root: &'a Value,
    steps: u32,
    depth: u16,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(root: &'a Value) -> Self {
        Self { root, steps: STEPS, depth: 0 }
    }

    /// Spends what validating `data` costs.
    pub(crate) fn spend(mut self, data: &Value) -> Result<(), SchemaError> {
        self.visit(self.root, data)
    }

    fn visit(&mut self, schema: &'a Value, data: &Value) -> Result<(), SchemaError> {
        self.steps = self.steps.checked_sub(1).ok_or(SchemaError::TooCostly)?;
        let Value::Object(keywords) = schema else { return Ok(()) };
        // A reference that leads back to itself without going into the data never ends.
        if self.depth > 500 {
            return Err(SchemaError::TooCostly);
        }
        self.depth += 1;
        self.same_place(keywords, data)?;
        match data {
            Value::Object(members) => self.members(keywords, members)?,
            Value::Array(items) => self.items(keywords, items)?,
            _ => {}
        }
        self.depth -= 1;
        Ok(())
    }

    fn same_place(&mut self, keywords: &'a Map<String, Value>, data: &Value) -> Result<(), SchemaError> {
        for name in SAME_PLACE {
            if let Some(schema) = keywords.get(name) {
                self.visit(schema, data)?;
            }
        }
        let lists = SAME_PLACE_LISTS.iter().filter_map(|name| keywords.get(*name)?.as_array());
        for schema in lists.flatten() {
            self.visit(schema, data)?;
        }
        for schema in
            keywords.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values)
        {
            self.visit(schema, data)?;
        }
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str).and_then(|name| self.resolve(name))
        {
            self.visit(target, data)?;
        }
        Ok(())
    }

    fn members(
        &mut self,
        keywords: &'a Map<String, Value>,
        members: &Map<String, Value>,
    ) -> Result<(), SchemaError> {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        for (name, member) in members {
            if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                self.visit(schema, member)?;
            }
            for schema in patterns.into_iter().flat_map(Map::values) {
                self.visit(schema, member)?;
            }
            self.each(keywords, member)?;
        }
        Ok(())
    }

    fn items(&mut self, keywords: &'a Map<String, Value>, items: &[Value]) -> Result<(), SchemaError> {
        let first = keywords.get("prefixItems").and_then(Value::as_array);
        for (schema, item) in first.into_iter().flatten().zip(items) {
            self.visit(schema, item)?;
        }
        items.iter().try_for_each(|item| self.each(keywords, item))
    }

    fn each(&mut self, keywords: &'a Map<String, Value>, place: &Value) -> Result<(), SchemaError> {
        EACH_PLACE
            .iter()
            .filter_map(|name| keywords.get(*name))
            .try_for_each(|schema| self.visit(schema, place))
    }

    fn resolve(&self, reference: &str) -> Option<&'a Value> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() {
            return Some(self.root);
        }
        if fragment.starts_with('/') {
            return self.root.pointer(&percent_decoded(fragment));
        }
        anchor(self.root, fragment)
    }
}

fn anchor<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(members) => {
            let here = ["$anchor", "$dynamicAnchor"]
                .iter()
                .any(|keyword| members.get(*keyword).and_then(Value::as_str) == Some(name));
            if here { Some(schema) } else { members.values().find_map(|member| anchor(member, name)) }
        }
        Value::Array(items) => items.iter().find_map(|item| anchor(item, name)),
        _ => None,
    }
}

/// A fragment of a URI as the text it stands for; what is not UTF-8 stays as it is and then names nothing.
fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match digits.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| fragment.to_owned())
}
