//! Reference paths: where `ResultPath` puts a result.

use super::{JsonPath, Root, Token};
use crate::{Object, Value};
use std::sync::Arc;

/// A path of member names and indices alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReferencePath {
    text: Arc<str>,
    tokens: Vec<Token>,
}

impl ReferencePath {
    /// Compiles a reference path. `None` for what is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let path = JsonPath::parse(text)?;
        (path.root == Root::Input && path.is_reference())
            .then(|| Self { text: path.text, tokens: path.tokens })
    }

    /// `$` alone: the result takes the place of the input.
    pub(crate) fn is_root(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Puts `value` where the path points in `target`, making objects on the way.
    pub(crate) fn write(&self, target: Value, value: Value) -> Result<Value, String> {
        let shown = target.clone();
        put(target, &self.tokens, value)
            .ok_or_else(|| format!("Unable to apply step \"{}\" to input {}", self.text, shown.to_json()))
    }
}

fn put(target: Value, tokens: &[Token], value: Value) -> Option<Value> {
    match tokens.split_first() {
        None => Some(value),
        Some((Token::Property(name), rest)) => {
            let mut members = match target {
                Value::Object(members) => Arc::unwrap_or_clone(members),
                Value::Null => Object::default(),
                _ => return None,
            };
            let inner = members.get_mut(name).map(std::mem::take).unwrap_or_default();
            members.insert(name.clone(), put(inner, rest, value)?);
            Some(Value::object(members))
        }
        Some((Token::Index(index), rest)) => {
            let Value::Array(items) = target else { return None };
            let mut items = Arc::unwrap_or_clone(items);
            let slot = items.get_mut(usize::try_from(*index).ok()?)?;
            *slot = put(std::mem::take(slot), rest, value)?;
            Some(Value::array(items))
        }
        Some(_) => None,
    }
}
