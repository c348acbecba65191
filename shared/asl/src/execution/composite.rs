//! Parallel and inline Map: states that run other states.

use super::evaluation::Evaluation;
use super::numbers::{decimal, whole};
use super::run::{Flow, Run, Trouble};
use super::snapshot::{Frame, FrameId, Item, MapRun, ParallelRun, Phase};
use crate::choice::{type_name, unexpected};
use crate::history::{Event, Failure, StateKind};
use crate::jsonpath::Roots as _;
use crate::program::{Body, Items, Language, Map, State, StateIndex};
use crate::template::{EvaluationError, Template};
use crate::{Payload, Value};
use std::collections::BTreeMap;

/// AWS runs at most this many iterations of an inline Map at once.
const MAX_INLINE_CONCURRENCY: i64 = 40;

/// What a Map state computes when it is entered.
pub(super) struct MapLimits {
    pub(super) concurrency: i64,
}

impl<'a> Run<'a> {
    pub(super) fn parallel(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
        branches: &[StateIndex],
    ) -> Result<Flow, Trouble> {
        let input = match &state.parameters {
            Some(template) if state.language == Language::Jsonata => Payload::from_value(self.evaluate(
                frame,
                state,
                |_| {},
                |evaluation| template.evaluate(evaluation, "Arguments"),
            )?),
            _ => self.effective_input(frame, state)?,
        };
        frame.last = self.event(frame.last, Event::ParallelStateStarted);
        let mut children = Vec::with_capacity(branches.len());
        for (slot, start) in branches.iter().enumerate() {
            children.push(self.spawn(Frame::new(Some((id, slot as u32)), *start, input.clone(), frame.last)));
        }
        let run = ParallelRun { children, outputs: vec![None; branches.len()], left: branches.len() as u32 };
        Ok(Flow::Pause(Phase::Parallel(Box::new(run))))
    }

    pub(super) fn map(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
        map: &'a Map,
    ) -> Result<Flow, Trouble> {
        let input = self.selected_input(frame, state)?;
        if let Some(distributed) = &map.distributed {
            return self.distributed_map(id, frame, state, (map, distributed), input);
        }
        let limits = self.map_limits(frame, state, map, &input)?;
        let items = self.map_items(frame, state, map, &input)?;
        frame.last = self.event(frame.last, Event::MapStateStarted { length: items.len() as u64 });
        let limit = match limits.concurrency {
            0 => MAX_INLINE_CONCURRENCY,
            limit => limit.min(MAX_INLINE_CONCURRENCY),
        };
        let mut run = MapRun {
            input,
            outputs: vec![None; items.len()],
            items: items.iter().map(|item| Payload::from_value(item.clone())).collect(),
            next: 0,
            running: 0,
            limit: limit as u32,
            children: BTreeMap::new(),
        };
        if items.is_empty() {
            self.event(frame.last, Event::StateSucceeded { kind: StateKind::Map });
            return Ok(Flow::Done(Payload::from_value(Value::array(Vec::new()))));
        }
        let last = frame.last;
        match self.start_iterations(id, frame, state, map, &mut run, last) {
            Ok(()) => Ok(Flow::Pause(Phase::Map(Box::new(run)))),
            Err(trouble) => {
                frame.phase = Phase::Map(Box::new(run));
                Err(trouble)
            }
        }
    }

    /// AWS never enters a Map whose `MaxConcurrencyPath` leads to a negative number: the execution stays as it is
    /// until somebody stops it.
    pub(super) fn never_enters(&mut self, frame: &Frame, state: &State) -> bool {
        let Body::Map(map) = &state.body else { return false };
        let Some(text @ crate::program::Text::Path(_)) = &map.max_concurrency else { return false };
        let Ok(input) = self.selected_input(frame, state) else { return false };
        let limit = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| whole(text, evaluation, "MaxConcurrency"),
        );
        limit.is_ok_and(|limit| limit < 0)
    }

    pub(super) fn map_limits(
        &mut self,
        frame: &Frame,
        state: &State,
        map: &Map,
        input: &Payload,
    ) -> Result<MapLimits, Trouble> {
        let limits = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| limits(map, evaluation),
        )?;
        Ok(limits)
    }

    pub(super) fn map_items(
        &mut self,
        frame: &Frame,
        state: &State,
        map: &Map,
        input: &Payload,
    ) -> Result<std::sync::Arc<Vec<Value>>, Trouble> {
        let found = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| items(map, state, evaluation),
        )?;
        match found {
            Value::Array(items) => Ok(items),
            other if state.language == Language::Jsonata => Err(EvaluationError::Query {
                message: format!("Map state input must be an array but was: {}", other.to_json()),
                location: None,
            }
            .into()),
            _ => {
                let path = match &map.items {
                    // AWS drops the sign of the context object.
                    Items::Path(Some(path)) => path
                        .text()
                        .strip_prefix('$')
                        .filter(|_| path.text().starts_with("$$"))
                        .unwrap_or(path.text()),
                    _ => "$",
                };
                Err(EvaluationError::runtime(format!("Reference path \"{path}\" must point to array."))
                    .into())
            }
        }
    }

    /// Begins as many iterations as may run at once.
    pub(super) fn start_iterations(
        &mut self,
        id: FrameId,
        frame: &Frame,
        state: &State,
        map: &Map,
        run: &mut MapRun,
        previous: u64,
    ) -> Result<(), Trouble> {
        while run.running < run.limit {
            let Some(item) = run.items.get(run.next as usize).cloned() else { return Ok(()) };
            let index = run.next;
            let input = match &map.item_selector {
                Some(template) => self.select_item(frame, state, template, &run.input, (index, &item))?,
                None => item.clone(),
            };
            let name = state.name.clone();
            let started = self.event(previous, Event::MapIterationStarted { name, index: u64::from(index) });
            let mut child = Frame::new(Some((id, index)), map.start, input, started);
            child.item = Some(Box::new(Item { index: u64::from(index), value: item }));
            let child = self.spawn(child);
            run.children.insert(index, child);
            run.next += 1;
            run.running += 1;
        }
        Ok(())
    }

    pub(super) fn select_item(
        &mut self,
        frame: &Frame,
        state: &State,
        template: &Template,
        input: &Payload,
        (index, item): (u32, &Payload),
    ) -> Result<Payload, Trouble> {
        let value = self.evaluate(
            frame,
            state,
            |evaluation| {
                evaluation.input = input.value().clone();
                evaluation.item = Some((u64::from(index), item.value().clone()));
            },
            |evaluation| template.evaluate(evaluation, "ItemSelector"),
        )?;
        Ok(Payload::from_value(value))
    }

    /// A branch or an iteration has ended well, at the event `last`.
    pub(super) fn child_ended(&mut self, parent: FrameId, slot: u32, last: u64, output: Payload) {
        let Some(mut frame) = self.take(parent) else { return };
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        match std::mem::replace(&mut frame.phase, Phase::Again) {
            Phase::Parallel(mut run) => {
                if let Some(place) = run.outputs.get_mut(slot as usize) {
                    *place = Some(output);
                    run.left -= 1;
                }
                if run.left > 0 {
                    frame.phase = Phase::Parallel(run);
                    return self.put(parent, frame);
                }
                self.event(last, Event::StateSucceeded { kind: StateKind::Parallel });
                frame.last = last;
                let result = collected(&run.outputs);
                self.flow(parent, frame, state, Flow::Done(result));
            }
            Phase::Map(mut run) => {
                let Body::Map(map) = &state.body else { return };
                let succeeded =
                    Event::MapIterationSucceeded { name: state.name.clone(), index: u64::from(slot) };
                let succeeded = self.event(last, succeeded);
                if let Some(place) = run.outputs.get_mut(slot as usize) {
                    *place = Some(output);
                }
                run.children.remove(&slot);
                run.running -= 1;
                if let Err(trouble) = self.start_iterations(parent, &frame, state, map, &mut run, last) {
                    frame.phase = Phase::Map(run);
                    return self.trouble(parent, frame, state, trouble);
                }
                if run.running > 0 {
                    frame.phase = Phase::Map(run);
                    return self.put(parent, frame);
                }
                self.event(succeeded, Event::StateSucceeded { kind: StateKind::Map });
                frame.last = succeeded;
                let result = collected(&run.outputs);
                self.flow(parent, frame, state, Flow::Done(result));
            }
            other => {
                frame.phase = other;
                self.put(parent, frame);
            }
        }
    }

    /// A branch or an iteration has failed at the event `last`, and nothing in it caught the error.
    pub(super) fn child_failed(&mut self, parent: FrameId, slot: u32, last: u64, failure: Failure) {
        let Some(mut frame) = self.take(parent) else { return };
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        if matches!(frame.phase, Phase::Parallel(_)) && self.failed_in_task(&frame, slot) {
            self.event(last, Event::StateAborted { kind: StateKind::Task });
        }
        if matches!(frame.phase, Phase::Map(_)) {
            let failed = Event::MapIterationFailed { name: state.name.clone(), index: u64::from(slot) };
            self.event(last, failed);
        }
        frame.last = last;
        self.trouble(parent, frame, state, Trouble::Failure(failure));
    }

    /// AWS counts a Task that fails its branch as aborted.
    fn failed_in_task(&self, frame: &Frame, slot: u32) -> bool {
        let Phase::Parallel(run) = &frame.phase else { return false };
        let child = run.children.get(slot as usize).and_then(|child| self.state.frame(*child));
        let state = child.and_then(|child| self.program.states.get(child.state as usize));
        state.is_some_and(|state| state.kind == StateKind::Task)
    }
}

fn limits(map: &Map, scope: &Evaluation<'_>) -> Result<MapLimits, EvaluationError> {
    let concurrency = match &map.max_concurrency {
        Some(text) => whole(text, scope, "MaxConcurrency")?,
        None => 0,
    };
    if concurrency < 0 {
        return Err(EvaluationError::runtime("MaxConcurrency cannot be negative."));
    }
    // An inline Map tolerates no failures, but its fields must have values.
    if map.distributed.is_none() {
        if let Some(text) = &map.tolerated_count {
            whole(text, scope, "ToleratedFailureCount")?;
        }
        if let Some(text) = &map.tolerated_percentage {
            decimal(text, scope, "ToleratedFailurePercentage")?;
        }
    }
    Ok(MapLimits { concurrency })
}

fn items(map: &Map, state: &State, scope: &Evaluation<'_>) -> Result<Value, EvaluationError> {
    match &map.items {
        Items::Path(Some(path)) => super::states::read_path(path, scope),
        Items::Path(None) if state.language == Language::JsonPath => Ok(scope.input()),
        Items::Path(None) => Ok(scope.frame.input.value().clone()),
        Items::Template(template) => {
            let value = template.evaluate(scope, "Items")?;
            match (&value, template) {
                (Value::Array(_), _) | (_, Template::Constant(_)) => Ok(value),
                (other, Template::Expression(expression)) if type_name(other) != "array" => {
                    Err(unexpected(expression.source(), "Items", "array", other))
                }
                _ => Ok(value),
            }
        }
    }
}

/// The outputs of all branches or iterations, as one array.
fn collected(outputs: &[Option<Payload>]) -> Payload {
    let values =
        outputs.iter().map(|output| output.as_ref().map_or(Value::Null, |output| output.value().clone()));
    Payload::from_value(Value::array(values.collect()))
}
