//! From a value to what a path names in it.

use super::{Function, JsonPath, PathError, Root, Roots, Token};
use crate::Value;
use std::fmt::Write as _;

impl JsonPath {
    /// The value that the path names.
    pub(crate) fn read(&self, roots: &impl Roots) -> Result<Value, PathError> {
        let root = match &self.root {
            Root::Input => roots.input(),
            Root::Context => roots.context(),
            Root::Variable(name) => roots.variable(name).ok_or_else(|| {
                PathError(format!("Variable '${name}' referenced in '{}' is undefined", self.text))
            })?,
        };
        self.read_in(&root)
    }

    /// The value that the path names within `root`, whatever the path begins with.
    pub(crate) fn read_in(&self, root: &Value) -> Result<Value, PathError> {
        if self.tokens.is_empty() && self.function.is_none() {
            return Ok(root.clone());
        }
        select(root, &self.tokens, self.function, "$").map_err(PathError)
    }
}

/// Walks the tokens from `root`: one value for a definite path, an array for any other.
pub(super) fn select(
    root: &Value,
    tokens: &[Token],
    function: Option<Function>,
    start: &str,
) -> Result<Value, String> {
    let definite = tokens.iter().all(Token::is_definite);
    let value = if definite {
        walk_definite(root, tokens, start)?
    } else {
        let mut found = Vec::new();
        // AWS's Jayway answers an empty array where anything on the way of an indefinite path is missing.
        Walk { root, tokens, start, found: &mut found }.visit(root, 0, false)?;
        Value::array(found)
    };
    match function {
        Some(function) => function.apply(&value).ok_or_else(|| no_results(tokens, start)),
        None => Ok(value),
    }
}

fn path_text(tokens: &[Token], start: &str) -> String {
    let mut text = start.to_owned();
    for token in tokens {
        let _ = write!(text, "{token}");
    }
    text
}

fn no_results(tokens: &[Token], start: &str) -> String {
    format!("No results for path: {}", path_text(tokens, start))
}

fn walk_definite(root: &Value, tokens: &[Token], start: &str) -> Result<Value, String> {
    let mut current = root;
    for (index, token) in tokens.iter().enumerate() {
        let is_leaf = index + 1 == tokens.len();
        current = match token {
            Token::Property(name) => match current {
                Value::Object(members) => match members.get(&**name) {
                    Some(value) => value,
                    None if is_leaf => return Err(no_results(tokens, start)),
                    None => {
                        return Err(format!(
                            "Missing property in path {}",
                            path_text(&tokens[..=index], start)
                        ));
                    }
                },
                other => return Err(not_an_object(token, &path_text(&tokens[..index], start), other)),
            },
            Token::Index(position) => match current {
                Value::Array(items) => match item(items, *position) {
                    Some(value) => value,
                    None => return Err(no_results(tokens, start)),
                },
                Value::Null => {
                    return Err(format!("The path {} is null", path_text(&tokens[..index], start)));
                }
                other => return Err(not_an_array(token, other)),
            },
            Token::Properties(names) => {
                let Value::Object(members) = current else {
                    return Err(not_an_object(token, &path_text(&tokens[..index], start), current));
                };
                let chosen = names
                    .iter()
                    .filter_map(|name| {
                        members.get_key_value(name).map(|(name, value)| (name.clone(), value.clone()))
                    })
                    .collect();
                return select(&Value::object(chosen), &tokens[index + 1..], None, start);
            }
            _ => return Err(no_results(tokens, start)),
        };
    }
    Ok(current.clone())
}

fn item(items: &[Value], position: i64) -> Option<&Value> {
    let index = if position < 0 { position + items.len() as i64 } else { position };
    usize::try_from(index).ok().and_then(|index| items.get(index))
}

fn not_an_object(token: &Token, path: &str, found: &Value) -> String {
    format!(
        "Expected to find an object with property {token} in path {path} but found '{}'. This is not a json object \
         according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.",
        jackson_class(found)
    )
}

fn not_an_array(token: &Token, found: &Value) -> String {
    format!("Filter: {token} can only be applied to arrays. Current context is: {}", found.to_json())
}

const fn jackson_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "com.fasterxml.jackson.databind.node.NullNode",
        Value::Bool(_) => "com.fasterxml.jackson.databind.node.BooleanNode",
        Value::Number(_) => "com.fasterxml.jackson.databind.node.IntNode",
        Value::String(_) => "com.fasterxml.jackson.databind.node.TextNode",
        Value::Array(_) => "com.fasterxml.jackson.databind.node.ArrayNode",
        Value::Object(_) => "com.fasterxml.jackson.databind.node.ObjectNode",
    }
}

struct Walk<'a> {
    root: &'a Value,
    tokens: &'a [Token],
    start: &'a str,
    found: &'a mut Vec<Value>,
}

impl Walk<'_> {
    /// `certain` is whether everything before `index` is definite: only then is a missing part an error.
    fn visit(&mut self, current: &Value, index: usize, certain: bool) -> Result<(), String> {
        let Some(token) = self.tokens.get(index) else {
            self.found.push(current.clone());
            return Ok(());
        };
        let is_leaf = index + 1 == self.tokens.len();
        match token {
            Token::Property(name) => match current {
                Value::Object(members) => match members.get(&**name) {
                    Some(value) => self.visit(value, index + 1, certain),
                    None if is_leaf || !certain => Ok(()),
                    None => Err(format!(
                        "Missing property in path {}",
                        path_text(&self.tokens[..=index], self.start)
                    )),
                },
                _ if !certain => Ok(()),
                other => Err(not_an_object(token, &path_text(&self.tokens[..index], self.start), other)),
            },
            Token::Properties(names) => {
                for name in names {
                    if let Some(value) = current.get(name) {
                        self.visit(value, index + 1, false)?;
                    }
                }
                Ok(())
            }
            Token::Index(_) | Token::Indices(_) | Token::Slice { .. } => {
                self.visit_items(current, index, certain)
            }
            Token::Wildcard => {
                for value in children(current) {
                    self.visit(value, index + 1, false)?;
                }
                Ok(())
            }
            Token::Scan => self.scan(current, index + 1),
            Token::Filter(filter) => match current {
                Value::Array(items) => {
                    for value in items.iter().filter(|value| filter.accepts(value, self.root)) {
                        self.visit(value, index + 1, false)?;
                    }
                    Ok(())
                }
                Value::Object(_) if filter.accepts(current, self.root) => {
                    self.visit(current, index + 1, false)
                }
                Value::Object(_) => Ok(()),
                _ if !certain => Ok(()),
                other => Err(format!(
                    "Filter: {token} can not be applied to primitives. Current context is: {}",
                    other.to_json()
                )),
            },
        }
    }

    fn visit_items(&mut self, current: &Value, index: usize, certain: bool) -> Result<(), String> {
        let token = &self.tokens[index];
        let items = match current {
            Value::Array(items) => items,
            _ if !certain => return Ok(()),
            Value::Null => {
                return Err(format!("The path {} is null", path_text(&self.tokens[..index], self.start)));
            }
            other => return Err(not_an_array(token, other)),
        };
        match token {
            Token::Index(position) => match item(items, *position) {
                Some(value) => self.visit(value, index + 1, certain),
                None => Ok(()),
            },
            Token::Indices(positions) => {
                for position in positions {
                    if let Some(value) = item(items, *position) {
                        self.visit(value, index + 1, false)?;
                    }
                }
                Ok(())
            }
            Token::Slice { from, to } => {
                let length = items.len() as i64;
                let bound =
                    |bound: i64| if bound < 0 { bound + length } else { bound }.clamp(0, length) as usize;
                let (from, to) = (bound(from.unwrap_or(0)), bound(to.unwrap_or(length)));
                for value in items.get(from..to.max(from)).unwrap_or_default() {
                    self.visit(value, index + 1, false)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn scan(&mut self, current: &Value, index: usize) -> Result<(), String> {
        let applies = match (self.tokens.get(index), current) {
            (Some(Token::Property(name)), Value::Object(members)) => members.contains_key(&**name),
            (Some(Token::Property(_)), _) => false,
            (Some(Token::Index(_) | Token::Indices(_) | Token::Slice { .. }), value) => {
                value.as_array().is_some()
            }
            _ => true,
        };
        if applies {
            self.visit(current, index, false)?;
        }
        for value in children(current) {
            self.scan(value, index)?;
        }
        Ok(())
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

impl Function {
    #[expect(clippy::cast_precision_loss, reason = "a payload holds far fewer than 2^53 items")]
    fn apply(self, value: &Value) -> Option<Value> {
        let numbers = || -> Option<Vec<f64>> {
            let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
            (!numbers.is_empty()).then_some(numbers)
        };
        let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
        match self {
            Self::Length => Some(match value {
                Value::Array(items) => Value::from(items.len() as u64),
                Value::Object(members) => Value::from(members.len() as u64),
                Value::String(text) => Value::from(text.chars().count() as u64),
                _ => return None,
            }),
            Self::Min => {
                numbers().map(|found| Value::double(found.into_iter().fold(f64::INFINITY, f64::min)))
            }
            Self::Max => {
                numbers().map(|found| Value::double(found.into_iter().fold(f64::NEG_INFINITY, f64::max)))
            }
            Self::Average => numbers().map(|found| Value::double(mean(&found))),
            Self::Sum => numbers().map(|found| Value::double(found.iter().sum())),
            Self::StandardDeviation => numbers().map(|found| {
                let mean = mean(&found);
                let squares = found.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
                Value::double((squares / found.len() as f64).sqrt())
            }),
            Self::Keys => value.as_object().map(|members| {
                Value::array(members.keys().map(|name| Value::String(name.clone())).collect())
            }),
            Self::First => value.as_array()?.first().cloned(),
            Self::Last => value.as_array()?.last().cloned(),
        }
    }
}
