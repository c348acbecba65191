//! A template's document as a tree whose every node knows its line, with short tags written out long.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Number, Value};

/// One node of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The line it begins on, from 1.
    pub(crate) line: usize,
    pub(crate) shape: Shape,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unreadable {
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Node {
    /// Reads a YAML or JSON document.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let documents = MarkedYaml::load_from_str(text)
            .map_err(|error| Unreadable { line: error.marker().line(), message: error.to_string() })?;
        match documents.into_iter().next() {
            Some(document) => convert(document, 1),
            None => Err(Unreadable { line: 1, message: "the document is empty".into() }),
        }
    }

    /// The member of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The members of a map in the order written; none for anything else.
    pub(crate) fn entries(&self) -> &[(String, Node)] {
        match &self.shape {
            Shape::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub(crate) fn elements(&self) -> &[Node] {
        match &self.shape {
            Shape::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The name and argument of an intrinsic function, where the node is one.
    pub(crate) fn intrinsic(&self) -> Option<(&str, &Node)> {
        match self.entries() {
            [(name, argument)] if name == "Ref" || name == "Condition" || name.starts_with("Fn::") => {
                Some((name, argument))
            }
            _ => None,
        }
    }

    /// The node as plain JSON, with intrinsic functions left as they stand.
    pub(crate) fn plain(&self) -> Value {
        match &self.shape {
            Shape::Null => Value::Null,
            Shape::Bool(value) => Value::Bool(*value),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(elements) => Value::Array(elements.iter().map(Node::plain).collect()),
            Shape::Map(entries) => {
                Value::Object(entries.iter().map(|(name, node)| (name.clone(), node.plain())).collect())
            }
        }
    }

    /// This map with another laid over it, as SAM lays a resource's properties over its globals: maps are
    /// merged, lists appended, and anything else replaced.
    pub(crate) fn overlaid(&self, over: &Node) -> Node {
        let shape = match (&self.shape, &over.shape) {
            (Shape::Map(base), Shape::Map(upper))
                if self.intrinsic().is_none() && over.intrinsic().is_none() =>
            {
                let mut merged = base.clone();
                for (name, node) in upper {
                    match merged.iter_mut().find(|(existing, _)| existing == name) {
                        Some((_, existing)) => *existing = existing.overlaid(node),
                        None => merged.push((name.clone(), node.clone())),
                    }
                }
                Shape::Map(merged)
            }
            (Shape::List(base), Shape::List(upper)) => {
                Shape::List(base.iter().chain(upper).cloned().collect())
            }
            _ => over.shape.clone(),
        };
        Node { line: over.line, shape }
    }
}

/// A node, which begins on the line `near` where the reader does not know better, as it does not for tags.
fn convert(yaml: MarkedYaml<'_>, near: usize) -> Result<Node, Unreadable> {
    let line = match yaml.span.start.line() {
        0 => near,
        line => line,
    };
    let shape = match yaml.data {
        YamlData::Value(scalar) => convert_scalar(scalar),
        YamlData::Sequence(elements) => {
            Shape::List(elements.into_iter().map(|element| convert(element, line)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => Shape::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = convert(key, line)?;
                    let value = convert(value, key.line)?;
                    Ok((key_text(key)?, value))
                })
                .collect::<Result<_, Unreadable>>()?,
        ),
        YamlData::Tagged(tag, inner) => {
            let argument = convert(*inner, line)?;
            let name = match tag.suffix.as_str() {
                "Ref" | "Condition" => tag.suffix.clone(),
                other => format!("Fn::{other}"),
            };
            return Ok(Node { line, shape: Shape::Map(vec![(name, argument)]) });
        }
        YamlData::Representation(text, ..) => Shape::Text(text.into_owned()),
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err(Unreadable { line, message: "a value cannot be read".into() });
        }
    };
    Ok(Node { line, shape })
}

fn convert_scalar(scalar: Scalar<'_>) -> Shape {
    match scalar {
        Scalar::Null => Shape::Null,
        Scalar::Boolean(value) => Shape::Bool(value),
        Scalar::Integer(value) => Shape::Number(value.into()),
        Scalar::FloatingPoint(value) => Number::from_f64(value.0).map_or(Shape::Null, Shape::Number),
        Scalar::String(text) => Shape::Text(text.into_owned()),
    }
}

fn key_text(node: Node) -> Result<String, Unreadable> {
    match node.shape {
        Shape::Text(text) => Ok(text),
        Shape::Number(number) => Ok(number.to_string()),
        Shape::Bool(value) => Ok(value.to_string()),
        _ => Err(Unreadable { line: node.line, message: "a key must be a word".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_read_like_their_long_forms() {
        let short = Node::parse("a: !Sub '${X}-y'\nb: !If [C, !Ref D, 2]\n").unwrap();
        let long = Node::parse("a: {'Fn::Sub': '${X}-y'}\nb: {'Fn::If': [C, {Ref: D}, 2]}\n").unwrap();
        assert_eq!(short.plain(), long.plain());
    }

    #[test]
    fn nodes_know_their_line() {
        let node = Node::parse("a: 1\nb:\n  c: two\n").unwrap();
        assert_eq!(node.get("b").and_then(|b| b.get("c")).map(|c| c.line), Some(3));
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_line() {
        assert_eq!(Node::parse("a: 1\nb: [1,\nc: }\n").unwrap_err().line, 3);
    }
}
