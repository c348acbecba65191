//! Conditions inside a path: `[?(@.price < 10)]`.

use super::evaluate::select;
use super::{Function, Token};
use crate::Value;
use std::cmp::Ordering;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Constant(Value),
    Path { from_item: bool, tokens: Vec<Token>, function: Option<Function> },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
    Contains,
    Size,
    AnyOf,
    NoneOf,
    SubsetOf,
}

impl Filter {
    pub(super) fn accepts(&self, item: &Value, root: &Value) -> bool {
        match self {
            Self::Exists(operand) => operand.value(item, root).is_some(),
            Self::And(left, right) => left.accepts(item, root) && right.accepts(item, root),
            Self::Or(left, right) => left.accepts(item, root) || right.accepts(item, root),
            Self::Not(inner) => !inner.accepts(item, root),
            Self::Compare(left, comparison, right) => {
                match (left.value(item, root), right.value(item, root)) {
                    (Some(left), Some(right)) => comparison.holds(&left, &right),
                    (None, None) => *comparison == Comparison::Equal,
                    _ => *comparison == Comparison::NotEqual,
                }
            }
        }
    }
}

impl Operand {
    fn value(&self, item: &Value, root: &Value) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Path { from_item, tokens, function } => {
                select(if *from_item { item } else { root }, tokens, *function, "@").ok()
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let within = |item: &Value, list: &Value| {
            list.as_array().is_some_and(|items| items.iter().any(|other| same(item, other)))
        };
        let items = |list: &Value| list.as_array().map(<[Value]>::to_vec).unwrap_or_default();
        match self {
            Self::Equal => same(left, right),
            Self::NotEqual => !same(left, right),
            Self::Less => order(left, right) == Some(Ordering::Less),
            Self::AtMost => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order(left, right) == Some(Ordering::Greater),
            Self::AtLeast => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
            Self::In => within(left, right),
            Self::NotIn => !within(left, right),
            Self::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(&**part),
                _ => within(right, left),
            },
            Self::Size => {
                let size = match left {
                    Value::String(text) => text.chars().count(),
                    Value::Array(items) => items.len(),
                    _ => return false,
                };
                right.as_i64() == i64::try_from(size).ok()
            }
            Self::AnyOf => items(left).iter().any(|item| within(item, right)),
            Self::NoneOf => !items(left).iter().any(|item| within(item, right)),
            Self::SubsetOf => items(left).iter().all(|item| within(item, right)),
        }
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
