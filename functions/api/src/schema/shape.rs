//! What a schema's work amounts to, before any of it is done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

/// Keywords whose values hold no schemas.
const DATA: &[&str] =
    &["const", "enum", "default", "examples", "dependentRequired", "required", "type", "$vocabulary"];
/// Keywords whose members are schemas under names of the author's.
const NAMED: &[&str] = &["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/// Keywords whose schemas apply to the same value.
const IN_PLACE: &[&str] = &["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];
/// Keywords that name another schema.
const REFERENCES: &[&str] = &["$ref", "$dynamicRef"];
/// Deeper than any definition that can be read.
const DEEPEST: usize = 2000;

/// The schemas directly below a schema, each with the keyword that holds it.
fn below(members: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    members.iter().filter(|(keyword, _)| !DATA.contains(&keyword.as_str())).flat_map(|(keyword, value)| {
        let schemas: Vec<&Value> = match value {
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => named.values().collect(),
            Value::Object(_) => vec![value],
            Value::Array(schemas) => schemas.iter().collect(),
            _ => Vec::new(),
        };
        schemas.into_iter().map(move |schema| (keyword.as_str(), schema))
    })
}

/// The schema with a keyword of ours first in each schema inside it.
pub(super) fn metered(schema: &Value, keyword: &str) -> Value {
    match schema {
        Value::Object(members) => {
            let mut all = Map::new();
            all.insert(keyword.to_owned(), json!(true));
            for (name, value) in members.iter().filter(|(name, _)| *name != keyword) {
                let value = match value {
                    value if DATA.contains(&name.as_str()) => value.clone(),
                    Value::Object(named) if NAMED.contains(&name.as_str()) => {
                        named.iter().map(|(name, schema)| (name.clone(), metered(schema, keyword))).collect()
                    }
                    value => metered(value, keyword),
                };
                all.insert(name.clone(), value);
            }
            Value::Object(all)
        }
        Value::Array(schemas) => schemas.iter().map(|schema| metered(schema, keyword)).collect(),
        other => other.clone(),
    }
}

/// The values inside a value, itself among them.
pub(super) fn values(value: &Value) -> u64 {
    match value {
        Value::Object(members) => 1 + members.values().map(values).sum::<u64>(),
        Value::Array(items) => 1 + items.iter().map(values).sum::<u64>(),
        _ => 1,
    }
}

struct Graph<'s> {
    root: &'s Value,
    anchors: HashMap<&'s str, &'s Value>,
}

type Place = *const Value;

impl<'s> Graph<'s> {
    fn new(root: &'s Value) -> Self {
        let mut anchors = HashMap::new();
        let mut open = vec![root];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(members) => {
                    for keyword in ["$anchor", "$dynamicAnchor"] {
                        if let Some(Value::String(name)) = members.get(keyword) {
                            anchors.entry(name.as_str()).or_insert(value);
                        }
                    }
                    open.extend(members.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        Self { root, anchors }
    }

    /// The schemas that a schema refers to; what stands outside the document is refused elsewhere.
    fn referred(&self, members: &'s Map<String, Value>) -> impl Iterator<Item = &'s Value> {
        REFERENCES.iter().filter_map(|keyword| {
            let fragment = members.get(*keyword)?.as_str()?.strip_prefix('#')?;
            if fragment.is_empty() || fragment.starts_with('/') {
                return self.root.pointer(fragment);
            }
            self.anchors.get(fragment).copied()
        })
    }

    /// Whether from here references lead back here without reading a part of the value.
    fn circular(&self, schema: &'s Value, open: &mut BTreeSet<Place>, done: &mut BTreeSet<Place>) -> bool {
        let place = std::ptr::from_ref(schema);
        if open.contains(&place) || open.len() > DEEPEST {
            return true;
        }
        let Some(members) = schema.as_object() else { return false };
        if !done.insert(place) {
            return false;
        }
        open.insert(place);
        let in_place =
            below(members).filter(|(keyword, _)| IN_PLACE.contains(keyword)).map(|(_, schema)| schema);
        let found = in_place.chain(self.referred(members)).any(|schema| self.circular(schema, open, done));
        open.remove(&place);
        found
    }

    /// How many schemas a schema holds when references are followed; none when that never ends.
    fn size(&self, schema: &'s Value, sizes: &mut BTreeMap<Place, Option<u64>>, depth: usize) -> Option<u64> {
        let Some(members) = schema.as_object() else { return Some(1) };
        let place = std::ptr::from_ref(schema);
        if let Some(size) = sizes.get(&place) {
            return *size;
        }
        if depth > DEEPEST {
            return None;
        }
        // Met again before its size is known, it holds itself.
        sizes.insert(place, None);
        let below = below(members).filter(|(keyword, _)| !matches!(*keyword, "$defs" | "definitions"));
        let below = below.map(|(_, schema)| schema);
        let mut size = 1_u64;
        for schema in below.chain(self.referred(members)) {
            size = size.checked_add(self.size(schema, sizes, depth + 1)?)?;
        }
        sizes.insert(place, Some(size));
        Some(size)
    }
}

/// Whether references form a circle in which nothing is read of the value, so that a check would never end.
pub(super) fn is_circular(schema: &Value) -> bool {
    let graph = Graph::new(schema);
    let mut done = BTreeSet::new();
    let mut all = vec![schema];
    while let Some(schema) = all.pop() {
        if graph.circular(schema, &mut BTreeSet::new(), &mut done) {
            return true;
        }
        match schema {
            Value::Object(members) => all.extend(members.values()),
            Value::Array(schemas) => all.extend(schemas),
            _ => {}
        }
    }
    false
}

/// How many schemas a schema holds when references are followed; none when that never ends.
pub(super) fn size(schema: &Value) -> Option<u64> {
    Graph::new(schema).size(schema, &mut BTreeMap::new(), 0)
}
