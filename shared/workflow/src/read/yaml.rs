//! YAML to a tree, event by event, so that nothing grows before it is counted.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::Value;

use super::{
    MAX_DEPTH, MAX_VALUES, Place, number, problem,
    tree::{Content, Entry, Node},
};
use crate::problem::{Pointer, Problem};

pub(super) fn read(text: &str) -> Result<Node, Vec<Problem>> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let outcome = match event {
            Ok((event, span)) => builder.take(event, place(span.start)),
            Err(error) => {
                let message = format!("this is not YAML: {}", error.info());
                Err(problem(place(*error.marker()), &builder.pointer(), "yaml-syntax", message))
            }
        };
        if let Err(fatal) = outcome {
            builder.problems.push(fatal);
            return Err(builder.problems);
        }
    }
    let Some(root) = builder.root.take() else {
        builder.problems.push(problem(
            Place { line: 1, column: 1 },
            "",
            "empty",
            "the definition is empty; begin with 'workflow:' and 'steps:'",
        ));
        return Err(builder.problems);
    };
    if builder.problems.is_empty() { Ok(root) } else { Err(builder.problems) }
}

fn place(marker: Marker) -> Place {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: narrow(marker.line().max(1)), column: narrow(marker.col()).saturating_add(1) }
}

/// A collection whose end has not come yet.
struct Open {
    at: Place,
    anchor: usize,
    /// How many values were read before it, to know its size when it is an anchor.
    values_before: usize,
    body: Body,
}

enum Body {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, names: HashSet<String>, key: Option<(String, Place)> },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    values: usize,
    anchors: HashMap<usize, (Node, usize)>,
    problems: Vec<Problem>,
}

impl Builder {
    /// Takes one event; an error is one after which the rest cannot be understood.
    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(problem(
                        at,
                        "",
                        "several-documents",
                        "one file holds one workflow; remove what follows '---'",
                    ));
                }
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(at, tag.as_deref(), &["seq"]);
                self.begin(at, anchor, Body::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(at, tag.as_deref(), &["map"]);
                self.begin(
                    at,
                    anchor,
                    Body::Mapping { entries: Vec::new(), names: HashSet::new(), key: None },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(),
            Event::Scalar(text, style, anchor, tag) => self.scalar(at, &text, style, anchor, tag.as_deref()),
            Event::Alias(anchor) => self.alias(at, anchor),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, at: Place, anchor: usize, body: Body) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(problem(
                at,
                &self.pointer(),
                "too-deep",
                format!("values may be nested {MAX_DEPTH} deep; move parts into steps of their own"),
            ));
        }
        self.refuse_collection_as_key(at)?;
        let values_before = self.values;
        self.count(at, 1)?;
        self.open.push(Open { at, anchor, values_before, body });
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = match open.body {
            Body::Sequence(items) => Content::Sequence(items),
            Body::Mapping { entries, .. } => Content::Mapping(entries),
        };
        let node = Node { at: open.at, content };
        if open.anchor > 0 {
            self.anchors.insert(open.anchor, (node.clone(), self.values - open.values_before));
        }
        self.place_node(node)
    }

    fn scalar(
        &mut self,
        at: Place,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Problem> {
        self.refuse_tag(at, tag, &["str", "int", "float", "bool", "null"]);
        self.count(at, 1)?;
        let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
        let value = if is_text || self.awaits_key() {
            Value::String(text.to_owned())
        } else {
            number::plain(text).unwrap_or_else(|| {
                let message = format!("{text} is not a number that JSON has; write a finite one");
                self.problems.push(problem(at, &self.pointer(), "bad-number", message));
                Value::Null
            })
        };
        let node = Node { at, content: Content::Scalar(value) };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), 1));
        }
        self.place_node(node)
    }

    fn alias(&mut self, at: Place, anchor: usize) -> Result<(), Problem> {
        let Some(size) = self.anchors.get(&anchor).map(|(_, size)| *size) else {
            return Err(problem(
                at,
                &self.pointer(),
                "bad-alias",
                "an alias may not stand inside its own anchor",
            ));
        };
        self.count(at, size)?;
        let Some(mut node) = self.anchors.get(&anchor).map(|(node, _)| node.clone()) else { return Ok(()) };
        if self.open.len() + depth(&node) > MAX_DEPTH {
            return Err(problem(
                at,
                &self.pointer(),
                "too-deep",
                format!("with this alias values are nested more than {MAX_DEPTH} deep; write it out shorter"),
            ));
        }
        node.at = at;
        self.place_node(node)
    }

    fn place_node(&mut self, node: Node) -> Result<(), Problem> {
        let mut pointer = self.pointer();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.body {
            Body::Sequence(items) => items.push(node),
            Body::Mapping { entries, names, key } => {
                if let Some((name, at)) = key.take() {
                    entries.push(Entry { name, at, node });
                    return Ok(());
                }
                let Content::Scalar(Value::String(name)) = node.content else {
                    return Err(problem(node.at, &pointer, "bad-key", "a key must be a text"));
                };
                if !names.insert(name.clone()) {
                    pointer = Pointer::at(pointer).join(&name).into();
                    let message = format!("'{name}' is written twice; keep one of them");
                    self.problems.push(problem(node.at, &pointer, "duplicate-key", message));
                }
                *key = Some((name, node.at));
            }
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { body: Body::Mapping { key: None, .. }, .. }))
    }

    fn refuse_collection_as_key(&self, at: Place) -> Result<(), Problem> {
        if self.awaits_key() {
            return Err(problem(
                at,
                &self.pointer(),
                "bad-key",
                "a key must be a text, not a list or a mapping",
            ));
        }
        Ok(())
    }

    fn refuse_tag(&mut self, at: Place, tag: Option<&Tag>, known: &[&str]) {
        let Some(tag) = tag else { return };
        if !tag.is_yaml_core_schema() || !known.contains(&tag.suffix.as_str()) {
            let message = format!("the tag {tag} means nothing here; remove it");
            self.problems.push(problem(at, &self.pointer(), "unknown-tag", message));
        }
    }

    fn count(&mut self, at: Place, values: usize) -> Result<(), Problem> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(problem(
                at,
                &self.pointer(),
                "too-many-values",
                format!("a definition may hold {MAX_VALUES} values, aliases included; split the workflow"),
            ));
        }
        Ok(())
    }

    /// Where the next value belongs.
    fn pointer(&self) -> String {
        let pointer = self.open.iter().fold(Pointer::root(), |pointer, open| match &open.body {
            Body::Sequence(items) => pointer.join(items.len()),
            Body::Mapping { key: Some((name, _)), .. } => pointer.join(name),
            Body::Mapping { key: None, .. } => pointer,
        });
        pointer.into()
    }
}

fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Mapping(entries) => 1 + entries.iter().map(|entry| depth(&entry.node)).max().unwrap_or(0),
    }
}
