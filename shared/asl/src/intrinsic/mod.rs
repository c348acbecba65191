//! Intrinsic functions: `States.Format('Hello {}', $.name)`.

mod functions;
mod parse;

use crate::Value;
use crate::jsonpath::{JsonPath, Roots};
use std::sync::Arc;

/// A call of an intrinsic function, compiled once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intrinsic {
    text: Arc<str>,
    call: Call,
}

#[derive(Debug, Clone, PartialEq)]
struct Call {
    function: Name,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
enum Argument {
    Constant(Value),
    Path(JsonPath),
    Call(Box<Call>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Array,
    ArrayContains,
    ArrayGetItem,
    ArrayLength,
    ArrayPartition,
    ArrayRange,
    ArrayUnique,
    Base64Decode,
    Base64Encode,
    Format,
    Hash,
    JsonMerge,
    JsonToString,
    MathAdd,
    MathRandom,
    StringSplit,
    StringToJson,
    Uuid,
}

/// Why a call has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum IntrinsicError {
    /// A path among the arguments names nothing: its text.
    Path(Arc<str>),
    /// The function refuses its arguments.
    Function(String),
}

/// The randomness that calls may use.
pub(crate) trait Randomness {
    /// A new version 4 UUID.
    fn uuid(&self) -> String;
    /// A number in `0..1`.
    fn fraction(&self) -> f64;
}

impl Intrinsic {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn evaluate<C: Roots + Randomness>(&self, context: &C) -> Result<Value, IntrinsicError> {
        evaluate(&self.call, context).map_err(|error| match error {
            IntrinsicError::Function(reason) => IntrinsicError::Function(format!(
                "The function '{}' had the following error: {reason}",
                self.text
            )),
            missing @ IntrinsicError::Path(_) => missing,
        })
    }
}

fn evaluate<C: Roots + Randomness>(call: &Call, context: &C) -> Result<Value, IntrinsicError> {
    let mut arguments = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        arguments.push(match argument {
            Argument::Constant(value) => value.clone(),
            Argument::Path(path) => {
                path.read(context).map_err(|_| IntrinsicError::Path(path.text().into()))?
            }
            Argument::Call(inner) => evaluate(inner, context)?,
        });
    }
    call.function.apply(&arguments, context).map_err(IntrinsicError::Function)
}
