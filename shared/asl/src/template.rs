//! Payload templates: `Parameters`, `Arguments`, `Output`, `Assign`, ...

use crate::intrinsic::{Intrinsic, IntrinsicError};
use crate::jsonata::{Bindings, Expression, ExpressionError};
use crate::jsonpath::{JsonPath, Roots};
use crate::program::Language;
use crate::{Failure, Object, Value};
use std::sync::Arc;

/// A template, compiled once.
#[derive(Debug)]
pub(crate) enum Template {
    /// Nothing in it is computed.
    Constant(Value),
    Object(Vec<(Arc<str>, Template)>),
    Array(Vec<Template>),
    Path(JsonPath),
    Intrinsic(Intrinsic),
    Expression(Expression),
}

/// Why a value could not be computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EvaluationError {
    /// JSONPath: the sentence that follows "An error occurred while executing the state ...".
    Runtime { error: &'static str, message: String },
    /// JSONata: the sentence, and the field it concerns.
    Query { message: String, location: Option<String> },
}

impl EvaluationError {
    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::Runtime { error: "States.Runtime", message: message.into() }
    }

    pub(crate) fn query(message: impl Into<String>, location: &str) -> Self {
        Self::Query { message: message.into(), location: Some(location.to_owned()) }
    }

    pub(crate) const fn error_name(&self) -> &'static str {
        match self {
            Self::Runtime { error, .. } => error,
            Self::Query { .. } => "States.QueryEvaluationError",
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Runtime { message, .. } | Self::Query { message, .. } => message,
        }
    }

    /// The failure of the state `name`, whose entry is the event `entered`.
    pub(crate) fn failure(&self, name: &str, entered: u64) -> Failure {
        Failure::new(
            self.error_name(),
            format!(
                "An error occurred while executing the state '{name}' (entered at the event id #{entered}). {}",
                self.message()
            ),
        )
    }
}

/// What templates are evaluated in.
pub(crate) trait Scope: Roots + Bindings {}

impl<T: Roots + Bindings> Scope for T {}

/// The source of an expression when the whole text is one.
pub(crate) fn expression_source(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}

impl Template {
    /// Compiles a template. The error tells what is wrong with which text, and where in the template.
    pub(crate) fn compile(value: &Value, language: Language) -> Result<Self, TemplateError> {
        Self::compile_at(value, language, "")
    }

    fn compile_at(value: &Value, language: Language, place: &str) -> Result<Self, TemplateError> {
        let template = match value {
            Value::String(text) if language == Language::Jsonata => match expression_source(text) {
                Some(source) => Expression::parse(source)
                    .map(Self::Expression)
                    .map_err(|reason| TemplateError::Expression { reason, place: place.to_owned() })?,
                None => Self::Constant(value.clone()),
            },
            Value::Array(items) => {
                let mut compiled = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    compiled.push(Self::compile_at(item, language, &format!("{place}[{index}]"))?);
                }
                Self::Array(compiled)
            }
            Value::Object(members) => {
                let mut compiled = Vec::with_capacity(members.len());
                for (name, member) in members.iter() {
                    compiled.push(Self::compile_member(name, member, language, place)?);
                }
                Self::Object(compiled)
            }
            other => Self::Constant(other.clone()),
        };
        Ok(template.folded(value))
    }

    fn compile_member(
        name: &Arc<str>,
        member: &Value,
        language: Language,
        place: &str,
    ) -> Result<(Arc<str>, Self), TemplateError> {
        let place = format!("{place}/{name}");
        match name.strip_suffix(".$") {
            Some(bare) if language == Language::JsonPath => {
                let Value::String(text) = member else {
                    return Err(TemplateError::NotAPath { text: member.to_json(), place });
                };
                let source = Self::compile_source(text)
                    .ok_or_else(|| TemplateError::NotAPath { text: text.to_string(), place })?;
                Ok((bare.into(), source))
            }
            _ => Ok((name.clone(), Self::compile_at(member, language, &place)?)),
        }
    }

    /// A path or an intrinsic function.
    pub(crate) fn compile_source(text: &str) -> Option<Self> {
        if text.starts_with('$') {
            JsonPath::parse(text).map(Self::Path)
        } else {
            Intrinsic::parse(text).map(Self::Intrinsic)
        }
    }

    fn folded(self, value: &Value) -> Self {
        let constant = match &self {
            Self::Object(members) => members.iter().all(|(_, member)| matches!(member, Self::Constant(_))),
            Self::Array(items) => items.iter().all(|item| matches!(item, Self::Constant(_))),
            _ => false,
        };
        if constant { Self::Constant(value.clone()) } else { self }
    }

    /// Computes the value. `field` names the template in messages.
    pub(crate) fn evaluate<S: Scope>(&self, scope: &S, field: &str) -> Result<Value, EvaluationError> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Object(members) => {
                let mut object = Object::with_capacity_and_hasher(members.len(), Default::default());
                for (name, member) in members {
                    let value = match member {
                        Self::Constant(value) => value.clone(),
                        member => member.evaluate_member(scope, field, name)?,
                    };
                    object.insert(name.clone(), value);
                }
                Ok(Value::object(object))
            }
            Self::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    array.push(match item {
                        Self::Constant(value) => value.clone(),
                        item => item.evaluate(scope, &format!("{field}[{index}]"))?,
                    });
                }
                Ok(Value::array(array))
            }
            Self::Path(path) => {
                path.read(scope).map_err(|_| path_missing(path.text(), field, &shown(path, scope)))
            }
            Self::Intrinsic(intrinsic) => intrinsic.evaluate(scope).map_err(|error| match error {
                IntrinsicError::Path(path) => path_missing(&path, field, &scope.input().to_json()),
                IntrinsicError::Function(message) => {
                    EvaluationError::Runtime { error: "States.IntrinsicFailure", message }
                }
            }),
            Self::Expression(expression) => evaluate_expression(expression, scope, field),
        }
    }

    /// JSONPath messages name the innermost member alone with its `.$`, JSONata messages the whole way to it.
    fn evaluate_member<S: Scope>(
        &self,
        scope: &S,
        field: &str,
        name: &str,
    ) -> Result<Value, EvaluationError> {
        let member = match self {
            Self::Path(_) | Self::Intrinsic(_) => format!("{name}.$"),
            _ => format!("{field}/{name}"),
        };
        self.evaluate(scope, &member)
    }
}

fn shown(path: &JsonPath, scope: &impl Scope) -> String {
    match path.root() {
        crate::jsonpath::Root::Context => scope.context().to_json(),
        _ => scope.input().to_json(),
    }
}

pub(crate) fn path_missing(path: &str, field: &str, input: &str) -> EvaluationError {
    EvaluationError::runtime(format!(
        "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
    ))
}

/// Evaluates an expression; `field` names it in messages.
pub(crate) fn evaluate_expression<S: Scope>(
    expression: &Expression,
    scope: &S,
    field: &str,
) -> Result<Value, EvaluationError> {
    expression.evaluate(scope).map_err(|error| {
        let what = match error {
            ExpressionError::Undefined => "returned nothing (undefined).".to_owned(),
            ExpressionError::Unsupported => "returned an unsupported result type.".to_owned(),
            ExpressionError::Threw(reason) => format!("threw an error during evaluation. {reason}"),
        };
        EvaluationError::query(
            format!(
                "The JSONata expression '{}' specified for the field '{field}' {what}",
                expression.source()
            ),
            field,
        )
    })
}

/// Why a template cannot be compiled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TemplateError {
    NotAPath { text: String, place: String },
    Expression { reason: String, place: String },
}
