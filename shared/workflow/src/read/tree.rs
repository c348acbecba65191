//! A definition as a tree that remembers where each part was written.

use serde_json::{Map, Value};

use crate::problem::tokens;

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) at: Place,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Mapping(entries) => Value::Object(
                entries.iter().map(|entry| (entry.name.clone(), entry.node.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Where a pointer's value was written: its key, if it has one. A pointer to what is not there answers
    /// the nearest part that is.
    pub(crate) fn locate(&self, pointer: &str) -> Place {
        let mut node = self;
        let mut place = self.at;
        for token in tokens(pointer) {
            let step = match &node.content {
                Content::Scalar(_) => None,
                Content::Sequence(items) => {
                    token.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item.at, item))
                }
                Content::Mapping(entries) => {
                    entries.iter().find(|entry| entry.name == token).map(|entry| (entry.at, &entry.node))
                }
            };
            let Some((at, next)) = step else { break };
            place = at;
            node = next;
        }
        place
    }
}
