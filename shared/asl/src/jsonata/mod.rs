//! JSONata expressions: `{% $states.input.price * 2 %}`.

mod bound;
mod functions;

use crate::intrinsic::Randomness;
use crate::{Object, Timestamp, Value};
use functions::{hash, pad, parse_json, partition, random, range, show_now};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Number;
use std::rc::Rc;
use std::sync::Arc;

/// An expression may run this long. Only a hostile one comes near it, so replays do not depend on it.
const MAX_MILLIS: u64 = 2_000;
const MAX_DEPTH: usize = 3_000;
const MAX_SEQUENCE: usize = 1_000_000;
/// Integers beyond this lose digits in a double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// An expression, compiled once.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    source: Arc<str>,
    ast: Arc<AstNode>,
    needs: Needs,
}

/// What an expression mentions: only that is converted for it.
#[derive(Debug, Clone, Default)]
struct Needs {
    all_states: bool,
    members: Vec<&'static str>,
    variables: Vec<Arc<str>>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExpressionError {
    /// It is undefined.
    Undefined,
    /// It is a function or a pattern.
    Unsupported,
    /// The evaluation failed.
    Threw(String),
}

/// Gives an expression what it refers to.
pub(crate) trait Bindings: Randomness {
    /// A member of `$states`: `input`, `result`, `errorOutput` or `context`.
    fn states(&self, member: &'static str) -> Option<Value>;
    /// A variable.
    fn variable(&self, name: &str) -> Option<Value>;
    /// The moment of the evaluation.
    fn now(&self) -> Timestamp;
}

const MEMBERS: [&str; 4] = ["input", "result", "errorOutput", "context"];

impl Expression {
    /// Compiles the text between `{%` and `%}`.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let ast = parser::parse(source).map_err(|error| error.to_string())?;
        let lengthens = source.contains('&') || source.contains("$join");
        let ast = if lengthens { bound::texts(&ast)? } else { ast };
        Ok(Self { source: source.into(), ast: Arc::new(ast), needs: Needs::of(source) })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn evaluate<B: Bindings>(&self, bindings: &B) -> Result<Value, ExpressionError> {
        let mut context = Context::new();
        context.bind("states".to_owned(), self.needs.states(bindings));
        for name in &self.needs.variables {
            if let Some(value) = bindings.variable(name) {
                context.bind(name.to_string(), to_jsonata(&value));
            }
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(MAX_MILLIS),
            cancel: None,
            max_stack_depth: Some(MAX_DEPTH),
            max_sequence_length: Some(MAX_SEQUENCE),
        };
        let mut evaluator = Evaluator::with_options(context, options);
        self.register(&mut evaluator, bindings).map_err(|error| threw(&error))?;
        let value = evaluator.evaluate(&self.ast, &JValue::Undefined).map_err(|error| threw(&error))?;
        match value {
            JValue::Undefined => Err(ExpressionError::Undefined),
            value => from_jsonata(&value).ok_or(ExpressionError::Unsupported),
        }
    }

    /// Registers AWS's own functions, and makes the impure ones deterministic.
    fn register<B: Bindings>(&self, evaluator: &mut Evaluator, bindings: &B) -> Result<(), EvaluatorError> {
        if self.source.contains('&') {
            evaluator.register_fn(bound::CONCATENATION, bound::concatenation)?;
        }
        for name in &self.needs.variables {
            match &**name {
                "join" => evaluator.register_fn(bound::JOIN, bound::join)?,
                "uuid" => {
                    let uuid = bindings.uuid();
                    let count = std::cell::Cell::new(0_u32);
                    let more: Vec<String> = (0..16).map(|_| bindings.uuid()).collect();
                    evaluator.register_fn("uuid", move |_: &[JValue]| {
                        let index = count.replace(count.get() + 1) as usize;
                        Ok(JValue::from(more.get(index % more.len()).unwrap_or(&uuid).clone()))
                    })?;
                }
                "random" => {
                    let state = std::cell::Cell::new(bindings.fraction());
                    evaluator.register_fn_override("random", move |arguments: &[JValue]| {
                        Ok(JValue::Number(random(&state, arguments)))
                    })?;
                }
                "hash" => evaluator.register_fn("hash", hash)?,
                "partition" => evaluator.register_fn("partition", partition)?,
                "range" => evaluator.register_fn("range", range)?,
                "parse" => evaluator.register_fn("parse", parse_json)?,
                "pad" => evaluator.register_fn_override("pad", pad)?,
                "eval" => evaluator.register_fn_override("eval", |_: &[JValue]| {
                    Err(EvaluatorError::EvaluationError(
                        "T1006: Attempted to invoke a non-function".to_owned(),
                    ))
                })?,
                "millis" => {
                    let now = bindings.now();
                    evaluator.register_fn_override("millis", move |_: &[JValue]| {
                        Ok(JValue::from(now.as_millis()))
                    })?;
                }
                "now" => {
                    let now = bindings.now();
                    evaluator
                        .register_fn_override("now", move |arguments: &[JValue]| show_now(now, arguments))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// AWS's texts do not name the function that is none.
fn threw(error: &EvaluatorError) -> ExpressionError {
    let message = error.message();
    let message =
        if message.starts_with("T1006") { "T1006: Attempted to invoke a non-function" } else { message };
    ExpressionError::Threw(message.to_owned())
}

impl Needs {
    fn of(source: &str) -> Self {
        let mut needs = Self::default();
        for (index, _) in source.match_indices('$') {
            let rest = &source[index + 1..];
            let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_');
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            if name == "states" {
                let member = after.strip_prefix('.').map(str::trim_start);
                match MEMBERS.iter().find(|member_name| {
                    member.is_some_and(|text| {
                        text.strip_prefix(**member_name).is_some_and(|rest| {
                            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
                        })
                    })
                }) {
                    Some(member) if !needs.members.contains(member) => needs.members.push(member),
                    Some(_) => {}
                    None => needs.all_states = true,
                }
            } else if !name.is_empty() && !needs.variables.iter().any(|known| &**known == name) {
                needs.variables.push(name.into());
            }
        }
        needs
    }

    fn states(&self, bindings: &impl Bindings) -> JValue {
        let wanted = MEMBERS.iter().filter(|member| self.all_states || self.members.contains(member));
        let members = wanted.filter_map(|member| {
            bindings.states(member).map(|value| ((*member).to_owned(), to_jsonata(&value)))
        });
        JValue::object(members.collect())
    }
}

fn to_jsonata(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(value) => JValue::Bool(*value),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => JValue::String(Rc::from(&**text)),
        Value::Array(items) => JValue::array(items.iter().map(to_jsonata).collect()),
        Value::Object(members) => JValue::object(
            members.iter().map(|(name, value)| (name.to_string(), to_jsonata(value))).collect(),
        ),
    }
}

/// `None` for functions and patterns. Undefined members are left out, undefined items become null.
fn from_jsonata(value: &JValue) -> Option<Value> {
    Some(match value {
        JValue::Null | JValue::Undefined => Value::Null,
        JValue::Bool(value) => Value::Bool(*value),
        JValue::Number(number) => from_number(*number),
        JValue::String(text) => Value::string(&**text),
        JValue::Array(items) => Value::array(items.iter().map(from_jsonata).collect::<Option<Vec<_>>>()?),
        JValue::Object(members) => {
            let mut object = Object::default();
            for (name, value) in members.iter().filter(|(_, value)| !value.is_undefined()) {
                object.insert(name.as_str().into(), from_jsonata(value)?);
            }
            Value::object(object)
        }
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be an exact integer")]
fn from_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT {
        Value::Number(Number::from(number as i64))
    } else {
        Value::double(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bindings, Expression, ExpressionError};
    use crate::intrinsic::Randomness;
    use crate::{Timestamp, Value};

    struct Fixed;

    impl Randomness for Fixed {
        fn uuid(&self) -> String {
            "7a3f".to_owned()
        }
        fn fraction(&self) -> f64 {
            0.25
        }
    }

    impl Bindings for Fixed {
        fn states(&self, member: &'static str) -> Option<Value> {
            (member == "input").then(|| Value::parse(r#"{"n":[1,2,3],"t":"x"}"#).unwrap())
        }
        fn variable(&self, name: &str) -> Option<Value> {
            (name == "rate").then(|| Value::double(0.5))
        }
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }
    }

    fn evaluate(source: &str) -> Result<String, ExpressionError> {
        Expression::parse(source).unwrap().evaluate(&Fixed).map(|value| value.to_json())
    }

    #[test]
    fn expressions_see_states_and_variables() {
        assert_eq!(evaluate("$sum($states.input.n) * $rate").unwrap(), "3");
        assert_eq!(evaluate("$states").unwrap(), r#"{"input":{"n":[1,2,3],"t":"x"}}"#);
        assert_eq!(evaluate("$states.input.none"), Err(ExpressionError::Undefined));
        assert_eq!(evaluate("function($x){$x}"), Err(ExpressionError::Unsupported));
    }

    #[test]
    fn time_and_chance_come_from_outside() {
        assert_eq!(evaluate("$now()").unwrap(), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(evaluate("$now('[Y0001]')").unwrap(), "\"1970\"");
        assert_eq!(evaluate("$millis()").unwrap(), "0");
        assert_eq!(evaluate("$random() = $random()").unwrap(), "false");
        assert_eq!(evaluate("$random(3) = $random(3)").unwrap(), "true");
    }

    #[test]
    fn what_could_exhaust_the_host_is_refused() {
        assert!(matches!(evaluate("$pad('x', 1000000000)"), Err(ExpressionError::Threw(_))));
        assert!(matches!(evaluate("$eval('1')"), Err(ExpressionError::Threw(_))));
        let doubling = "($d := function($s, $n) { $n = 0 ? $s : $d($s & $s, $n - 1) }; $length($d('x', 40)))";
        assert!(
            matches!(evaluate(doubling), Err(ExpressionError::Threw(message)) if message.starts_with("&: "))
        );
        let joined = "($x := $pad('x', 200000); $length($join([1..100000].$x)))";
        assert!(
            matches!(evaluate(joined), Err(ExpressionError::Threw(message)) if message.starts_with("$join: "))
        );
        assert!(matches!(
            evaluate("($f := function($n){1 + $f($n + 1)}; $f(0))"),
            Err(ExpressionError::Threw(_))
        ));
    }

    #[test]
    fn texts_are_joined_as_jsonata_joins_them() {
        assert_eq!(evaluate("'a' & 1 & none & ('b' & $states.input.n)").unwrap(), r#""a1b[1,2,3]""#);
        assert_eq!(evaluate("$join(['a', 'b'], ', ')").unwrap(), r#""a, b""#);
        assert_eq!(evaluate("['a', 'b'] ~> $join('-')").unwrap(), r#""a-b""#);
        assert_eq!(evaluate("$join('a')").unwrap(), r#""a""#);
        assert_eq!(evaluate("$join(none, ', ')"), Err(ExpressionError::Undefined));
        assert!(matches!(evaluate("$join([1, 2])"), Err(ExpressionError::Threw(_))));
    }

    #[test]
    fn deep_sources_are_refused() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{'a':", "}")] {
            let source = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            assert!(Expression::parse(&source).is_err());
        }
        assert!(Expression::parse(&"-".repeat(100_000)).is_err());
        assert!(Expression::parse(&format!("{}1", "1?1:".repeat(100_000))).is_err());
        assert!(Expression::parse(&format!("{}1{}", "(".repeat(50), ")".repeat(50))).is_ok());
    }

    #[test]
    fn functions_of_aws_are_there() {
        assert_eq!(evaluate("$partition([1,2,3], 2)").unwrap(), "[[1,2],[3]]");
        assert_eq!(evaluate("$range(0, 9, 3)").unwrap(), "[0,3,6,9]");
        assert_eq!(evaluate("$range(1, 9, 9)").unwrap(), "1");
        assert_eq!(evaluate("$parse('{\"a\":1}').a").unwrap(), "1");
        assert_eq!(evaluate("$hash('', 'MD5')").unwrap(), "\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!(evaluate("$uuid()").unwrap(), "\"7a3f\"");
    }
}
