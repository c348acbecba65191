//! Whether a value has the shape that a JSON Schema tells: the part of the vocabulary that describes
//! definitions and parameters, with every difference told.

use serde_json::{Map, Value};
use toss_kernel::Span;

use crate::{expression, problem::Pointer};

/// A difference between a value and its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) pointer: Pointer,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Whether the value at the pointer cannot be understood, rather than something missing beside it.
    pub(crate) unusable: bool,
}

/// Compares values with a schema.
pub(crate) struct Shape<'schema> {
    root: &'schema Value,
    /// What members are called: `key` in a definition, `parameter` in `with`.
    member: Member,
    found: Vec<Difference>,
}

/// What the members of objects are called, and whether expressions stand for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    Key,
    Parameter,
}

/// Every difference between a value and a schema.
pub(crate) fn differences(schema: &Value, value: &Value, at: &Pointer, member: Member) -> Vec<Difference> {
    let mut shape = Shape { root: schema, member, found: Vec::new() };
    shape.value(schema, value, at);
    shape.found
}

impl<'schema> Shape<'schema> {
    fn value(&mut self, schema: &'schema Value, value: &Value, at: &Pointer) {
        let Some(rules) = schema.as_object() else {
            if schema == &Value::Bool(false) {
                self.add(at, "bad-value", "nothing may stand here".to_owned(), true);
            }
            return;
        };
        if self.member == Member::Parameter && value.as_str().is_some_and(|text| text.contains("{%")) {
            return;
        }
        if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
            if target == "#/$defs/Duration" {
                self.duration(value, at);
            } else if let Some(next) = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
            {
                self.value(next, value, at);
            }
        }
        if !self.fits_type(rules, value, at) {
            return;
        }
        self.choice(rules, value, at);
        if let Some(alternatives) =
            rules.get("anyOf").or_else(|| rules.get("oneOf")).and_then(Value::as_array)
        {
            self.alternatives(alternatives, value, at);
        }
        match value {
            Value::Object(members) => self.object(rules, members, at),
            Value::Array(items) => self.array(rules, items, at),
            Value::String(text) => self.text(rules, text, at),
            Value::Number(number) => self.number(rules, number.as_f64().unwrap_or(f64::MAX), at),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn duration(&mut self, value: &Value, at: &Pointer) {
        match value.as_str().map(str::parse::<Span>) {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.add(at, "bad-duration", error.to_string(), true),
            None => {
                let message = format!("a duration is a text such as '30s', not {}", kind(value));
                self.add(at, "bad-duration", message, true);
            }
        }
    }

    fn fits_type(&mut self, rules: &Map<String, Value>, value: &Value, at: &Pointer) -> bool {
        let names: Vec<&str> = match rules.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = |name: &&str| match (*name, value) {
            ("null", Value::Null)
            | ("boolean", Value::Bool(_))
            | ("string", Value::String(_))
            | ("array", Value::Array(_))
            | ("object", Value::Object(_))
            | ("number", Value::Number(_)) => true,
            ("integer", Value::Number(number)) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        };
        let fitting = names.iter().any(fits);
        if !fitting {
            let wanted: Vec<&str> = names.into_iter().filter(|name| *name != "null").map(article).collect();
            let message = format!("{} should stand here, not {}", wanted.join(" or "), kind(value));
            self.add(at, "wrong-type", message, true);
        }
        fitting
    }

    fn choice(&mut self, rules: &Map<String, Value>, value: &Value, at: &Pointer) {
        let permitted = match (rules.get("enum"), rules.get("const")) {
            (Some(Value::Array(values)), _) => values.as_slice(),
            (_, Some(only)) => std::slice::from_ref(only),
            _ => return,
        };
        if !permitted.contains(value) {
            let list: Vec<String> = permitted.iter().map(shown).collect();
            let message = format!("{} is not one of {}", shown(value), list.join(", "));
            self.add(at, "bad-value", message, true);
        }
    }

    /// One alternative must fit. Otherwise the differences of the one that comes nearest are told: one that
    /// has the value's type.
    fn alternatives(&mut self, alternatives: &'schema [Value], value: &Value, at: &Pointer) {
        let mut nearest: Option<Vec<Difference>> = None;
        for alternative in alternatives {
            let mut shape = Shape { root: self.root, member: self.member, found: Vec::new() };
            shape.value(alternative, value, at);
            if shape.found.is_empty() {
                return;
            }
            let wrong_type = |found: &[Difference]| {
                found.iter().any(|difference| difference.code == "wrong-type" && &difference.pointer == at)
            };
            if nearest.as_deref().is_none_or(|nearest| wrong_type(nearest) && !wrong_type(&shape.found)) {
                nearest = Some(shape.found);
            }
        }
        self.found.extend(nearest.unwrap_or_default());
    }

    fn object(&mut self, rules: &'schema Map<String, Value>, members: &Map<String, Value>, at: &Pointer) {
        let properties = rules.get("properties").and_then(Value::as_object);
        let additional = rules.get("additionalProperties");
        for (name, member) in members {
            let below = at.join(name);
            match (properties.and_then(|properties| properties.get(name)), additional) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.value(schema, member, &below);
                }
                (None, Some(Value::Bool(false))) => self.unknown(properties, name, &below),
                _ => {}
            }
        }
        for name in
            rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if !members.contains_key(name) {
                let (code, what) = match self.member {
                    Member::Key => ("missing-key", "key"),
                    Member::Parameter => ("missing-parameter", "parameter"),
                };
                self.add(at, code, format!("the {what} '{name}' is missing"), false);
            }
        }
        if rules
            .get("minProperties")
            .and_then(Value::as_u64)
            .is_some_and(|least| (members.len() as u64) < least)
        {
            self.add(at, "bad-value", "at least one must stand here".to_owned(), false);
        }
    }

    fn unknown(&mut self, properties: Option<&Map<String, Value>>, name: &str, at: &Pointer) {
        let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let hint = super::suggest::nearest(name, known.iter().copied()).map_or_else(
            || format!("; known are {}", known.join(", ")),
            |near| format!("; did you mean '{near}'?"),
        );
        let hint = if known.is_empty() { "; there are none".to_owned() } else { hint };
        let (code, what) = match self.member {
            Member::Key => ("unknown-key", "key"),
            Member::Parameter => ("unknown-parameter", "parameter"),
        };
        self.add(at, code, format!("there is no {what} '{name}' here{hint}"), true);
    }

    fn array(&mut self, rules: &'schema Map<String, Value>, items: &[Value], at: &Pointer) {
        if let Some(schema) = rules.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &at.join(index));
            }
        }
        self.within(rules, ("minItems", "maxItems"), items.len(), "entries", at);
    }

    fn text(&mut self, rules: &Map<String, Value>, text: &str, at: &Pointer) {
        let is_expression = expression::source(text).is_some();
        if rules.get("pattern").and_then(Value::as_str).is_some_and(|pattern| pattern.starts_with("^\\{%"))
            && !is_expression
        {
            let message =
                format!("{} is not an expression; write '{{% … %}}'", shown(&Value::String(text.to_owned())));
            self.add(at, "wrong-type", message, true);
        }
        let is_url = || text.starts_with("https://") || text.starts_with("http://");
        if rules.get("format").and_then(Value::as_str) == Some("uri") && !is_url() {
            let message = "an absolute URL should stand here, beginning with https:// or http://".to_owned();
            self.add(at, "bad-value", message, true);
        }
        self.within(rules, ("minLength", "maxLength"), text.chars().count(), "characters", at);
    }

    fn within(
        &mut self,
        rules: &Map<String, Value>,
        (least, most): (&str, &str),
        count: usize,
        unit: &str,
        at: &Pointer,
    ) {
        let count = count as u64;
        if let Some(least) = rules.get(least).and_then(Value::as_u64).filter(|least| count < *least) {
            self.add(
                at,
                "bad-value",
                format!("at least {least} {unit} should stand here, not {count}"),
                true,
            );
        }
        if let Some(most) = rules.get(most).and_then(Value::as_u64).filter(|most| count > *most) {
            self.add(at, "bad-value", format!("at most {most} {unit} may stand here, not {count}"), true);
        }
    }

    fn number(&mut self, rules: &Map<String, Value>, number: f64, at: &Pointer) {
        if let Some(least) = rules.get("minimum").and_then(Value::as_f64).filter(|least| number < *least) {
            self.add(
                at,
                "bad-value",
                format!("{number} is less than {least}, the least that is possible"),
                true,
            );
        }
        if let Some(most) = rules.get("maximum").and_then(Value::as_f64).filter(|most| number > *most) {
            self.add(
                at,
                "bad-value",
                format!("{number} is more than {most}, the most that is possible"),
                true,
            );
        }
    }

    fn add(&mut self, at: &Pointer, code: &'static str, message: String, unusable: bool) {
        self.found.push(Difference { pointer: at.clone(), code, message, unusable });
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "array" => "a list",
        "object" => "a mapping",
        _ => "a text",
    }
}

/// A value, short enough for a message.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        text
    } else {
        format!("{}…", text.chars().take(60).collect::<String>())
    }
}
