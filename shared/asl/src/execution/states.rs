//! What each type of state does when it is entered.

use super::run::{Exit, Flow, Run, Trouble};
use super::snapshot::{Frame, FrameId, Phase, Purpose};
use crate::choice::unexpected;
use crate::history::Failure;
use crate::jsonpath::JsonPath;
use crate::program::{Body, Choice, Delay, Language, Select, Source, State, Text};
use crate::template::{EvaluationError, Scope, evaluate_expression, path_missing};
use crate::{Payload, Timestamp, Value};

/// AWS refuses to wait longer.
const MAX_WAIT_SECONDS: i64 = 99_999_999;

impl<'a> Run<'a> {
    pub(super) fn execute(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
    ) -> Result<Flow, Trouble> {
        match &state.body {
            Body::Pass { result } => {
                let input = self.effective_input(frame, state)?;
                Ok(Flow::Done(match result {
                    Some(result) => Payload::from_value(result.clone()),
                    None => input,
                }))
            }
            Body::Succeed => self.effective_input(frame, state).map(Flow::Done),
            Body::Fail { error, cause } => self
                .failing(frame, state, error.as_ref(), cause.as_ref())
                .and_then(|failure| Err(Trouble::Failure(failure))),
            Body::Choice(choice) => self.chosen(frame, state, choice).map(|exit| Flow::Exit(Box::new(exit))),
            Body::Wait(delay) => self.wait(id, frame, state, delay),
            Body::Task(task) => self.task(id, frame, state, task),
            Body::Parallel { branches } => self.parallel(id, frame, state, branches),
            Body::Map(map) => self.map(id, frame, state, map),
        }
    }

    /// The input after `InputPath`.
    pub(super) fn selected_input(&mut self, frame: &Frame, state: &State) -> Result<Payload, Trouble> {
        match &state.input_path {
            Select::Whole => Ok(frame.input.clone()),
            Select::Nothing => Ok(Payload::from_value(Value::empty())),
            Select::Path(path) => {
                let value = self.evaluate(
                    frame,
                    state,
                    |evaluation| evaluation.input = frame.input.value().clone(),
                    |evaluation| read_path(path, evaluation),
                )?;
                Ok(Payload::from_value(value))
            }
        }
    }

    /// The input after `InputPath` and `Parameters`.
    pub(super) fn effective_input(&mut self, frame: &Frame, state: &State) -> Result<Payload, Trouble> {
        let input = self.selected_input(frame, state)?;
        match &state.parameters {
            Some(template) if state.language == Language::JsonPath => {
                let value = self.evaluate(
                    frame,
                    state,
                    |evaluation| evaluation.input = input.value().clone(),
                    |evaluation| template.evaluate(evaluation, "Parameters"),
                )?;
                Ok(Payload::from_value(value))
            }
            _ => Ok(input),
        }
    }

    /// The error that a Fail state raises.
    pub(super) fn failing(
        &mut self,
        frame: &Frame,
        state: &State,
        error: Option<&Text>,
        cause: Option<&Text>,
    ) -> Result<Failure, Trouble> {
        let mut text =
            |field: &str, source: Option<&Text>| -> Result<Option<std::sync::Arc<str>>, EvaluationError> {
                let Some(source) = source else { return Ok(None) };
                let value = self.evaluate(
                    frame,
                    state,
                    |evaluation| evaluation.input = frame.input.value().clone(),
                    |evaluation| source.evaluate(evaluation, field),
                )?;
                match (value, source) {
                    (Value::String(text), _) => Ok(Some(text)),
                    (other, Text::Expression(expression)) => {
                        Err(unexpected(expression.source(), field, "string", &other))
                    }
                    (other, _) => Ok(Some(other.to_json().into())),
                }
            };
        Ok(Failure { error: text("Error", error)?, cause: text("Cause", cause)? })
    }

    /// Where a Choice state leads, and with what.
    pub(super) fn chosen(&mut self, frame: &Frame, state: &State, choice: &Choice) -> Result<Exit, Trouble> {
        let input = self.effective_input(frame, state)?;
        let mut chosen = None;
        for (index, rule) in choice.rules.iter().enumerate() {
            let holds = self.evaluate(
                frame,
                state,
                |evaluation| evaluation.input = input.value().clone(),
                |evaluation| rule.rule.holds(evaluation, index),
            )?;
            if holds {
                chosen = Some((index, rule));
                break;
            }
        }
        let (next, assign, output, place) = match chosen {
            Some((index, rule)) => {
                (rule.next, rule.assign.as_ref(), rule.output.as_ref(), format!("Choices[{index}]/"))
            }
            None => match choice.default {
                Some(next) => (next, state.assign.as_ref(), state.output.as_ref(), String::new()),
                None => {
                    let message = format!(
                        "An error occurred while executing the state '{}' (entered at the event id #{}). Failed to \
                         transition out of the state. The state's choice rules did not match and no default was given.",
                        state.name, frame.entered
                    );
                    return Err(Trouble::Failure(Failure::new("States.NoChoiceMatched", message)));
                }
            },
        };
        let assigned = self.assigned(frame, state, assign, &input, (&place, None))?;
        let output = match output {
            Some(template) => {
                let field = format!("{place}Output");
                let value =
                    self.evaluate(frame, state, |_| {}, |evaluation| template.evaluate(evaluation, &field))?;
                Payload::from_value(value)
            }
            None => self.selected_output(frame, state, input)?,
        };
        Ok(Exit { output, assigned, next: Some(next) })
    }

    fn wait(&mut self, id: FrameId, frame: &Frame, state: &State, delay: &Delay) -> Result<Flow, Trouble> {
        let input = self.selected_input(frame, state)?;
        let now = self.now;
        let at = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| match delay {
                Delay::Seconds(text) => wait_seconds(text, evaluation).and_then(|seconds| {
                    if seconds > MAX_WAIT_SECONDS {
                        return Err(EvaluationError::runtime("Wait state delay is too long."));
                    }
                    Ok(now.plus_millis(seconds.max(0).saturating_mul(1000)))
                }),
                Delay::Timestamp(text) => wait_timestamp(text, evaluation).and_then(|at| {
                    if at.as_millis().saturating_sub(now.as_millis()) > MAX_WAIT_SECONDS * 1000 {
                        return Err(EvaluationError::runtime("Wait state delay is too long."));
                    }
                    Ok(at)
                }),
            },
        )?;
        self.set_timer_at(Purpose::Wait(id), at);
        Ok(Flow::Pause(Phase::Wait))
    }
}

fn wait_seconds(text: &Text, scope: &impl Scope) -> Result<i64, EvaluationError> {
    match text {
        Text::Path(source) => {
            let value = source.read(scope).map_err(|_| {
                EvaluationError::runtime(format!(
                    "The SecondsPath parameter does not reference an input value: {}",
                    source.text()
                ))
            })?;
            let whole = match &value {
                Value::String(text) => text.parse().ok(),
                other => other.as_i64(),
            };
            let seconds = whole.ok_or_else(|| {
                EvaluationError::runtime(format!(
                    "The SecondsPath parameter cannot be parsed as a long value: {} == {}",
                    source.text(),
                    plain(&value)
                ))
            })?;
            if seconds < 0 {
                return Err(EvaluationError::runtime(format!(
                    "The SecondsPath parameter references a negative value: {} == {seconds}",
                    source.text()
                )));
            }
            Ok(seconds)
        }
        other => {
            let value = other.evaluate(scope, "Seconds")?;
            match (value.as_i64(), other) {
                (Some(seconds), _) if seconds >= 0 => Ok(seconds),
                (Some(_), _) => Err(EvaluationError::query(
                    format!("The Seconds parameter must be a positive value or 0: {}", plain(&value)),
                    "Seconds",
                )),
                (None, Text::Expression(expression)) => {
                    Err(unexpected(expression.source(), "Seconds", "number", &value))
                }
                (None, _) => Err(EvaluationError::runtime(format!(
                    "The Seconds parameter cannot be parsed as a long value: {}",
                    plain(&value)
                ))),
            }
        }
    }
}

fn wait_timestamp(text: &Text, scope: &impl Scope) -> Result<Timestamp, EvaluationError> {
    if let Text::Path(source) = text {
        let value = source.read(scope).map_err(|_| {
            EvaluationError::runtime(format!(
                "The TimestampPath parameter does not reference an input value: {}",
                source.text()
            ))
        })?;
        return value.as_str().and_then(Timestamp::parse).ok_or_else(|| {
            EvaluationError::runtime(format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format \
                 string: {} == {}",
                source.text(),
                plain(&value)
            ))
        });
    }
    let value = text.evaluate(scope, "Timestamp")?;
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| EvaluationError::Query {
        message: format!(
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {}",
            plain(&value)
        ),
        location: Some("Timestamp".to_owned()),
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// Reads `InputPath`, `OutputPath` and their like.
pub(super) fn read_path(path: &JsonPath, scope: &impl Scope) -> Result<Value, EvaluationError> {
    path.read(scope)
        .map_err(|error| EvaluationError::runtime(format!("Invalid path '{}' : {}", path.text(), error.0)))
}

impl Source {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Path(path) => path.text(),
            Self::Intrinsic(intrinsic) => intrinsic.text(),
        }
    }

    pub(super) fn read(&self, scope: &impl Scope) -> Result<Value, String> {
        match self {
            Self::Path(path) => path.read(scope).map_err(|error| error.0),
            Self::Intrinsic(intrinsic) => intrinsic.evaluate(scope).map_err(|error| match error {
                crate::intrinsic::IntrinsicError::Path(path) => path.to_string(),
                crate::intrinsic::IntrinsicError::Function(reason) => reason,
            }),
        }
    }
}

impl Text {
    /// The value of a field; `field` is its name without `Path`.
    pub(super) fn evaluate<S: Scope>(&self, scope: &S, field: &str) -> Result<Value, EvaluationError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Expression(expression) => evaluate_expression(expression, scope, field),
            Self::Path(source) => source
                .read(scope)
                .map_err(|_| path_missing(source.text(), &format!("{field}Path"), &scope.input().to_json())),
        }
    }
}
