//! From a state's result to its output and the variables it assigns.

use super::run::{Run, Trouble};
use super::snapshot::Frame;
use super::states::read_path;
use crate::history::{Assigned, StateKind};
use crate::program::{Language, Place, Select, State};
use crate::template::{EvaluationError, Template};
use crate::{Payload, Value};

impl Run<'_> {
    /// What a state that came to this result gives to the next.
    pub(super) fn output(
        &mut self,
        frame: &Frame,
        state: &State,
        result: &Payload,
    ) -> Result<(Payload, Option<Assigned>), Trouble> {
        let has_result = matches!(state.kind, StateKind::Task | StateKind::Parallel | StateKind::Map);
        if state.language == Language::Jsonata {
            let shown = has_result.then(|| result.value().clone());
            let assigned =
                self.assigned(frame, state, state.assign.as_ref(), result, ("", shown.as_ref()))?;
            let output = match &state.output {
                Some(template) => {
                    let value = self.evaluate(
                        frame,
                        state,
                        |evaluation| evaluation.result = shown,
                        |evaluation| template.evaluate(evaluation, "Output"),
                    )?;
                    Payload::from_value(value)
                }
                None => result.clone(),
            };
            return Ok((output, assigned));
        }
        let assigned = self.assigned(frame, state, state.assign.as_ref(), result, ("", None))?;
        let selected = self.selected_result(frame, state, result)?;
        let placed = place(&state.result_path, &frame.input, selected)?;
        Ok((self.selected_output(frame, state, placed)?, assigned))
    }

    /// The result after `ResultSelector`.
    pub(super) fn selected_result(
        &mut self,
        frame: &Frame,
        state: &State,
        result: &Payload,
    ) -> Result<Payload, Trouble> {
        let Some(template) = &state.result_selector else { return Ok(result.clone()) };
        let value = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = result.value().clone(),
            |evaluation| template.evaluate(evaluation, "ResultSelector"),
        )?;
        Ok(Payload::from_value(value))
    }

    /// The output after `OutputPath`.
    pub(super) fn selected_output(
        &mut self,
        frame: &Frame,
        state: &State,
        output: Payload,
    ) -> Result<Payload, Trouble> {
        match &state.output_path {
            Select::Whole => Ok(output),
            Select::Nothing => Ok(Payload::from_value(Value::empty())),
            Select::Path(path) => {
                let value = self.evaluate(
                    frame,
                    state,
                    |evaluation| evaluation.input = output.value().clone(),
                    |evaluation| read_path(path, evaluation),
                )?;
                Ok(Payload::from_value(value))
            }
        }
    }

    /// The variables that an `Assign` sets. `$` is `data`; `place` is what stands before `Assign` in messages.
    pub(super) fn assigned(
        &mut self,
        frame: &Frame,
        state: &State,
        assign: Option<&Template>,
        data: &Payload,
        (place, result): (&str, Option<&Value>),
    ) -> Result<Option<Assigned>, Trouble> {
        let Some(template) = assign else { return Ok(None) };
        let field = format!("{place}Assign");
        let values = self.evaluate(
            frame,
            state,
            |evaluation| {
                evaluation.input = data.value().clone();
                evaluation.result = result.cloned();
            },
            |evaluation| template.evaluate(evaluation, &field),
        )?;
        let Some(members) = values.as_object().filter(|members| !members.is_empty()) else { return Ok(None) };
        let variables = members.iter();
        Ok(Some(variables.map(|(name, value)| (name.clone(), Payload::from_value(value.clone()))).collect()))
    }
}

/// Puts a result where `ResultPath` says.
pub(super) fn place(place: &Place, input: &Payload, result: Payload) -> Result<Payload, EvaluationError> {
    match place {
        Place::Replace => Ok(result),
        Place::Discard => Ok(input.clone()),
        Place::Path(path) => path
            .write(input.value().clone(), result.value().clone())
            .map(Payload::from_value)
            .map_err(|message| EvaluationError::Runtime { error: "States.ResultPathMatchFailure", message }),
    }
}
