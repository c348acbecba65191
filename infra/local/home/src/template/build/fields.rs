//! Typed access to a resource's properties; what does not fit is told with its line.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::template::evaluate::{Place, Resource, World};
use crate::template::node::Node;
use crate::template::source::relative_to;

/// The properties of one resource, or of a part of it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'r> {
    pub(super) resource: &'r Resource,
    world: &'r World<'r>,
    value: &'r Value,
    line: usize,
}

impl<'r> Fields<'r> {
    /// The properties of a resource.
    pub(super) fn of(resource: &'r Resource, world: &'r World<'r>) -> Self {
        Self { resource, world, value: &resource.properties, line: resource.line }
    }

    /// The members of a value inside this resource.
    pub(super) fn within(self, value: &'r Value) -> Self {
        Self { value, ..self }
    }

    /// Notes that something is wrong with the resource.
    pub(super) fn problem(&self, message: impl Into<String>) {
        self.world.problem(&self.resource.file, self.line, Some(&self.resource.logical), message);
    }

    fn problem_at(&self, key: &str, message: impl Into<String>) {
        let line = self.resource.lines.get(key).copied().unwrap_or(self.line);
        self.world.problem(&self.resource.file, line, Some(&self.resource.logical), message);
    }

    /// The account and region that ARNs name.
    pub(super) fn place(&self) -> &'r Place {
        &self.world.place
    }

    /// The document in a file that the resource names.
    pub(super) fn document(&self, location: &str) -> Option<Rc<Node>> {
        self.world.document(&relative_to(&self.resource.file, location))
    }

    /// A member as it stands.
    pub(super) fn raw(&self, key: &str) -> Option<&'r Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// The members of a member, where there is one.
    pub(super) fn inside(&self, key: &str) -> Option<Fields<'r>> {
        self.raw(key).map(|value| Fields {
            value,
            line: self.resource.lines.get(key).copied().unwrap_or(self.line),
            ..*self
        })
    }

    /// A text; numbers and booleans count as such, as they do for CloudFormation.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.raw(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                self.problem_at(key, format!("{key} must be a text"));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str) -> String {
        if self.raw(key).is_none() {
            self.problem(format!("{key} is missing"));
        }
        self.text(key).unwrap_or_default()
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        let value = self.raw(key)?;
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.problem_at(key, format!("{key} must be a whole number in its range"));
        }
        number
    }

    /// A truth value; the words count as such.
    pub(super) fn flag(&self, key: &str) -> bool {
        match self.raw(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The elements of a list; a single value counts as a list of one.
    pub(super) fn list(&self, key: &str) -> Vec<&'r Value> {
        match self.raw(key) {
            Some(Value::Array(elements)) => elements.iter().collect(),
            Some(single) => vec![single],
            None => Vec::new(),
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).into_iter().filter_map(|value| value.as_str().map(ToOwned::to_owned)).collect()
    }

    /// The members of a map.
    pub(super) fn map(&self, key: &str) -> Option<&'r Map<String, Value>> {
        self.raw(key).and_then(Value::as_object)
    }

    /// A map of texts.
    pub(super) fn text_map(&self, key: &str) -> BTreeMap<String, String> {
        let members = self.inside(key);
        self.map(key)
            .into_iter()
            .flat_map(Map::keys)
            .filter_map(|name| Some((name.clone(), members.as_ref()?.text(name)?)))
            .collect()
    }
}
