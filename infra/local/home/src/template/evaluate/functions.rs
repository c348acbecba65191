//! Intrinsic functions.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Stack;
use super::substitute::{Part, parts};
use crate::template::node::{Node, Shape};
use crate::template::source::relative_to;

impl Stack<'_, '_> {
    /// A node evaluated; `None` is `AWS::NoValue`, or a problem that has been told.
    pub(crate) fn value(&self, node: &Node) -> Option<Value> {
        if let Some((function, argument)) = node.intrinsic() {
            // `Condition` is a function in conditions alone; elsewhere it is a policy statement's member.
            if function != "Condition" {
                return self.call(function, argument, node.line);
            }
        }
        Some(match &node.shape {
            Shape::List(elements) => elements.iter().filter_map(|element| self.value(element)).collect(),
            Shape::Map(entries) => Value::Object(
                entries.iter().filter_map(|(name, node)| Some((name.clone(), self.value(node)?))).collect(),
            ),
            _ => node.plain(),
        })
    }

    fn call(&self, function: &str, argument: &Node, line: usize) -> Option<Value> {
        match function {
            "Ref" => match argument.text() {
                Some(name) => self.reference(name, line),
                None => self.refuse(line, "Ref takes a name"),
            },
            "Fn::GetAtt" => self.get_attribute(argument),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::If" => self.choose(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Base64" => self.text(argument).map(|text| json!(STANDARD.encode(text))),
            "Fn::ToJsonString" => self.value(argument).map(|value| json!(value.to_string())),
            "Fn::Length" => {
                self.value(argument).and_then(|value| value.as_array().map(|list| json!(list.len())))
            }
            "Fn::GetAZs" => {
                let region = &self.world.place.region;
                Some(json!([format!("{region}a"), format!("{region}b"), format!("{region}c")]))
            }
            "Fn::Transform" => self.include(argument),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                let node = Node { line, shape: Shape::Map(vec![(function.to_owned(), argument.clone())]) };
                Some(json!(self.holds(&node)))
            }
            other => self.refuse(line, format!("{other} is not an intrinsic function that this home knows")),
        }
    }

    fn refuse(&self, line: usize, message: impl Into<String>) -> Option<Value> {
        self.report(line, message);
        None
    }

    /// A node evaluated to text; numbers and booleans are written out.
    fn text(&self, node: &Node) -> Option<String> {
        match self.value(node)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                self.report(node.line, "a text is needed here");
                None
            }
        }
    }

    fn get_attribute(&self, argument: &Node) -> Option<Value> {
        let (logical, attribute) = match argument.elements() {
            [] => {
                let (logical, attribute) = argument.text()?.split_once('.')?;
                (logical.to_owned(), attribute.to_owned())
            }
            [logical, attribute @ ..] => {
                let parts: Option<Vec<String>> = attribute.iter().map(|part| self.text(part)).collect();
                (self.text(logical)?, parts?.join("."))
            }
        };
        self.attribute(&logical, &attribute, argument.line)
    }

    fn substitute(&self, argument: &Node) -> Option<Value> {
        let (template, variables) = match argument.elements() {
            [template, variables] => (template, variables.entries()),
            _ => (argument, &[][..]),
        };
        let Some(text) = template.text() else { return self.refuse(argument.line, "Fn::Sub takes a text") };
        let mut local = BTreeMap::new();
        for (name, node) in variables {
            local.insert(name.as_str(), self.text(node)?);
        }
        let mut result = String::new();
        for part in parts(text) {
            match part {
                Part::Text(text) => result.push_str(text),
                Part::Reference(name) => match local.get(name) {
                    Some(value) => result.push_str(value),
                    None => result.push_str(&self.substituted(name, template.line)?),
                },
            }
        }
        Some(json!(result))
    }

    fn substituted(&self, name: &str, line: usize) -> Option<String> {
        let value = match name.split_once('.') {
            Some((logical, attribute)) if !matches!(attribute, "Stage" | "Version" | "Alias") => {
                self.attribute(logical, attribute, line)?
            }
            _ => self.reference(name, line)?,
        };
        match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                self.report(line, format!("${{{name}}} is not a text"));
                None
            }
        }
    }

    fn join(&self, argument: &Node) -> Option<Value> {
        let [separator, list] = argument.elements() else {
            return self.refuse(argument.line, "Fn::Join takes a separator and a list");
        };
        let separator = self.text(separator)?;
        let Some(Value::Array(values)) = self.value(list) else {
            return self.refuse(list.line, "Fn::Join takes a list");
        };
        let texts: Vec<String> = values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
            .collect();
        Some(json!(texts.join(&separator)))
    }

    fn select(&self, argument: &Node) -> Option<Value> {
        let [index, list] = argument.elements() else {
            return self.refuse(argument.line, "Fn::Select takes an index and a list");
        };
        let index: Option<usize> = self.text(index)?.parse().ok();
        match (index, self.value(list)) {
            (Some(index), Some(Value::Array(values))) if index < values.len() => {
                values.into_iter().nth(index)
            }
            _ => self.refuse(argument.line, "Fn::Select: the list has no element at that index"),
        }
    }

    fn split(&self, argument: &Node) -> Option<Value> {
        let [separator, text] = argument.elements() else {
            return self.refuse(argument.line, "Fn::Split takes a separator and a text");
        };
        let (separator, text) = (self.text(separator)?, self.text(text)?);
        Some(text.split(separator.as_str()).map(|part| json!(part)).collect())
    }

    fn choose(&self, argument: &Node) -> Option<Value> {
        let [condition, then, otherwise] = argument.elements() else {
            return self.refuse(argument.line, "Fn::If takes a condition and two values");
        };
        let holds = match condition.text() {
            Some(name) => self.condition(name, condition.line),
            None => self.holds(condition),
        };
        self.value(if holds { then } else { otherwise })
    }

    fn find_in_map(&self, argument: &Node) -> Option<Value> {
        let [map, first, second, ..] = argument.elements() else {
            return self.refuse(argument.line, "Fn::FindInMap takes a map and two keys");
        };
        let (map, first, second) = (self.text(map)?, self.text(first)?, self.text(second)?);
        let found = self
            .document
            .get("Mappings")
            .and_then(|maps| maps.get(&map)?.get(&first)?.get(&second))
            .map(Node::plain);
        if found.is_none() {
            self.report(argument.line, format!("the mappings have no {map}.{first}.{second}"));
        }
        found
    }

    /// `AWS::Include` of a file beside this one, which is how an OpenAPI document gets into a template.
    fn include(&self, argument: &Node) -> Option<Value> {
        let location = argument.get("Parameters").and_then(|parameters| parameters.get("Location"));
        match (argument.get("Name").and_then(Node::text), location) {
            (Some("AWS::Include"), Some(location)) => {
                let file = relative_to(&self.file, &self.text(location)?);
                self.world.document(&file).and_then(|document| self.value(&document))
            }
            _ => self.refuse(
                argument.line,
                "the only transform that this home knows is AWS::Include with a Location",
            ),
        }
    }
}
