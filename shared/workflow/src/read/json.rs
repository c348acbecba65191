//! JSON to a tree with places, which `serde_json` does not keep.

use std::collections::HashSet;

use serde_json::{Number, Value};

use super::{
    MAX_DEPTH, MAX_VALUES, Place, problem,
    tree::{Content, Entry, Node},
};
use crate::problem::{Pointer, Problem};

pub(super) fn read(text: &str) -> Result<Node, Vec<Problem>> {
    let mut reader = Reader { rest: text, at: Place { line: 1, column: 1 }, values: 0, problems: Vec::new() };
    match reader.document() {
        Ok(root) if reader.problems.is_empty() => Ok(root),
        Ok(_) => Err(reader.problems),
        Err(fatal) => {
            reader.problems.push(fatal);
            Err(reader.problems)
        }
    }
}

struct Reader<'text> {
    rest: &'text str,
    at: Place,
    values: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let root = self.value(&Pointer::root(), 0)?;
        self.space();
        if self.rest.is_empty() {
            Ok(root)
        } else {
            Err(self.syntax(&Pointer::root(), "something follows the definition; remove it"))
        }
    }

    fn value(&mut self, pointer: &Pointer, depth: usize) -> Result<Node, Problem> {
        self.space();
        let at = self.at;
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("a definition may hold {MAX_VALUES} values; split the workflow");
            return Err(problem(at, pointer.as_str(), "too-many-values", message));
        }
        if depth >= MAX_DEPTH {
            let message =
                format!("values may be nested {MAX_DEPTH} deep; move parts into steps of their own");
            return Err(problem(at, pointer.as_str(), "too-deep", message));
        }
        let content = match self.rest.chars().next() {
            Some('{') => self.object(pointer, depth)?,
            Some('[') => self.array(pointer, depth)?,
            Some('"') => Content::Scalar(Value::String(self.string(pointer)?)),
            Some(_) => Content::Scalar(self.word(pointer)?),
            None => return Err(self.syntax(pointer, "the text ends where a value should stand")),
        };
        Ok(Node { at, content })
    }

    fn object(&mut self, pointer: &Pointer, depth: usize) -> Result<Content, Problem> {
        self.advance(1);
        let mut entries: Vec<Entry> = Vec::new();
        let mut names = HashSet::new();
        self.space();
        if self.eat('}') {
            return Ok(Content::Mapping(entries));
        }
        loop {
            self.space();
            let at = self.at;
            if !self.rest.starts_with('"') {
                return Err(self.syntax(pointer, "a key in double quotes should stand here"));
            }
            let name = self.string(pointer)?;
            let below = pointer.join(&name);
            if !names.insert(name.clone()) {
                let message = format!("'{name}' is written twice; keep one of them");
                self.problems.push(problem(at, below.as_str(), "duplicate-key", message));
            }
            self.space();
            if !self.eat(':') {
                return Err(self.syntax(&below, "a ':' should stand here"));
            }
            let node = self.value(&below, depth + 1)?;
            entries.push(Entry { name, at, node });
            self.space();
            if self.eat('}') {
                return Ok(Content::Mapping(entries));
            }
            if !self.eat(',') {
                return Err(self.syntax(pointer, "a ',' or '}' should stand here"));
            }
        }
    }

    fn array(&mut self, pointer: &Pointer, depth: usize) -> Result<Content, Problem> {
        self.advance(1);
        let mut items = Vec::new();
        self.space();
        if self.eat(']') {
            return Ok(Content::Sequence(items));
        }
        loop {
            items.push(self.value(&pointer.join(items.len()), depth + 1)?);
            self.space();
            if self.eat(']') {
                return Ok(Content::Sequence(items));
            }
            if !self.eat(',') {
                return Err(self.syntax(pointer, "a ',' or ']' should stand here"));
            }
        }
    }

    /// A string, decoded by `serde_json` once its end is found.
    fn string(&mut self, pointer: &Pointer) -> Result<String, Problem> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(index, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(index + 1)
        });
        let Some(end) = end else { return Err(self.syntax(pointer, "a text has no closing quote")) };
        let literal = self.rest.get(..end).unwrap_or_default();
        let Ok(text) = serde_json::from_str(literal) else {
            return Err(
                self.syntax(pointer, "a text holds a control character or an escape that JSON does not know")
            );
        };
        self.advance(end);
        Ok(text)
    }

    fn word(&mut self, pointer: &Pointer) -> Result<Value, Problem> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default();
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => match serde_json::from_str::<Number>(word) {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(self.syntax(pointer, "a value should stand here")),
            },
        };
        self.advance(end);
        Ok(value)
    }

    fn space(&mut self) {
        let end = self.rest.find(|c| !matches!(c, ' ' | '\t' | '\n' | '\r')).unwrap_or(self.rest.len());
        self.advance(end);
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.rest.starts_with(expected);
        if found {
            self.advance(expected.len_utf8());
        }
        found
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for c in passed.chars() {
            if c == '\n' {
                self.at = Place { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.rest = rest;
    }

    fn syntax(&self, pointer: &Pointer, what: &str) -> Problem {
        problem(self.at, pointer.as_str(), "json-syntax", format!("this is not JSON: {what}"))
    }
}
