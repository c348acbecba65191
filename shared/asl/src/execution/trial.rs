//! One state by itself, with everything in between kept: what `TestState` shows.

use super::composite::MapLimits;
use super::errors::first_match;
use super::output::place;
use super::run::{Run, Trouble};
use super::snapshot::{Frame, Snapshot, TaskRun};
use crate::history::{Failure, StateKind};
use crate::program::{Body, Items, Language, Program, State};
use crate::{ExecutionContext, Invocation, Payload, Seed, TaskId, Timestamp, Value};
use serde_json::{Map as Members, Value as Json, json};
use std::sync::Arc;

/// What came up on the way, by AWS's names.
pub(crate) type Inspection = Members<String, Json>;

/// A state under test.
pub(crate) struct Trial {
    execution: Snapshot,
    frame: Frame,
    context: Value,
    now: Timestamp,
    /// What came up so far.
    pub(crate) inspection: Inspection,
    items: Option<usize>,
    tolerated_count: Option<i64>,
    tolerated_percentage: Option<f64>,
}

/// How the test of a state ended.
pub(crate) struct TrialResult {
    pub(crate) status: &'static str,
    pub(crate) output: Option<Payload>,
    pub(crate) next: Option<Arc<str>>,
    pub(crate) failure: Failure,
}

/// What a state needs before it can end.
pub(crate) enum Need {
    Nothing(Box<TrialResult>),
    Call(Box<Invocation>),
    /// The results of branches or iterations.
    Results,
}

impl Trial {
    pub(crate) fn new(
        start: u32,
        input: Payload,
        context: (ExecutionContext, Value),
        variables: Vec<(Arc<str>, Payload)>,
        retries: u32,
    ) -> Self {
        let now = context.0.start_time;
        let execution = Snapshot::new(input.clone(), context.0, Seed::new([0; 32]), start);
        let mut frame = Frame::new(None, start, input, 0);
        frame.entered_at = now;
        frame.retry_count = retries;
        frame.variables = (!variables.is_empty()).then(|| Arc::new(variables));
        Self {
            execution,
            frame,
            context: context.1,
            now,
            inspection: Inspection::new(),
            items: None,
            tolerated_count: None,
            tolerated_percentage: None,
        }
    }

    fn note(&mut self, name: &str, payload: &Payload) {
        self.inspection.insert(name.to_owned(), json!(payload.text()));
    }

    fn run<T>(&mut self, program: &Program, work: impl FnOnce(&mut Run<'_>, &mut Frame) -> T) -> T {
        let mut run = Run::new(program, &mut self.execution, self.now);
        run.given_context = Some(self.context.clone());
        work(&mut run, &mut self.frame)
    }

    /// Takes the state to the point where it needs something from outside.
    pub(crate) fn begin(&mut self, program: &Program, state: &State) -> Need {
        let input = self.frame.input.clone();
        self.note("input", &input);
        match self.prepare(program, state) {
            Ok(need) => need,
            Err(trouble) => Need::Nothing(Box::new(self.failed(program, state, trouble))),
        }
    }

    fn prepare(&mut self, program: &Program, state: &State) -> Result<Need, Trouble> {
        let jsonpath = state.language == Language::JsonPath;
        match &state.body {
            Body::Task(task) => {
                let selected = self.run(program, |run, frame| run.selected_input(frame, state))?;
                if jsonpath {
                    self.note("afterInputPath", &selected);
                }
                let invocation = self.invocation(program, state, task)?;
                if jsonpath || state.parameters.is_some() {
                    let name = if jsonpath { "afterParameters" } else { "afterArguments" };
                    self.note(name, &invocation.parameters.clone());
                }
                Ok(Need::Call(Box::new(invocation)))
            }
            Body::Map(map) => {
                let selected = self.run(program, |run, frame| run.selected_input(frame, state))?;
                if jsonpath {
                    self.note("afterInputPath", &selected);
                }
                let reads = map.distributed.as_ref().is_some_and(|distributed| distributed.reader.is_some());
                if !reads {
                    let items =
                        self.run(program, |run, frame| run.map_items(frame, state, map, &selected))?;
                    self.items = Some(items.len());
                    if jsonpath && matches!(map.items, Items::Path(_)) {
                        self.note("afterItemsPath", &Payload::from_value(Value::Array(items)));
                    }
                }
                let limits: MapLimits =
                    self.run(program, |run, frame| run.map_limits(frame, state, map, &selected))?;
                self.inspection.insert("maxConcurrency".to_owned(), json!(limits.concurrency));
                let (count, percentage) =
                    self.run(program, |run, frame| run.tolerated(frame, state, map, &selected))?;
                if let Some(count) = count {
                    self.inspection.insert("toleratedFailureCount".to_owned(), json!(count));
                    self.tolerated_count = i64::try_from(count).ok();
                }
                if let Some(percentage) = percentage {
                    self.inspection.insert("toleratedFailurePercentage".to_owned(), json!(percentage));
                    self.tolerated_percentage = Some(percentage);
                }
                Ok(Need::Results)
            }
            Body::Parallel { .. } => {
                self.run(program, |run, frame| run.effective_input(frame, state))?;
                Ok(Need::Results)
            }
            _ => self.simple(program, state),
        }
    }

    fn invocation(
        &mut self,
        program: &Program,
        state: &State,
        task: &crate::program::Task,
    ) -> Result<Invocation, Trouble> {
        let parameters = self.run(program, |run, frame| run.task_parameters(frame, state, task))?;
        let run = TaskRun {
            task: TaskId(0),
            parameters: Some(parameters.clone()),
            role: None,
            has_token: false,
            timeout_seconds: None,
            heartbeat_seconds: None,
            timeout: None,
            heartbeat: None,
        };
        let invocation = self.execution.invocation(&run, &task.resource, &self.frame, &state.name);
        invocation.ok_or_else(|| Trouble::Failure(Failure::named("States.Runtime")))
    }

    fn simple(&mut self, program: &Program, state: &State) -> Result<Need, Trouble> {
        let jsonpath = state.language == Language::JsonPath;
        let has_result = matches!(&state.body, Body::Pass { result: Some(_) });
        if jsonpath && !has_result {
            let selected = self.run(program, |run, frame| run.selected_input(frame, state))?;
            self.note("afterInputPath", &selected);
            if state.kind == StateKind::Pass {
                let effective = self.run(program, |run, frame| run.effective_input(frame, state))?;
                self.note("afterParameters", &effective);
            }
        }
        match &state.body {
            Body::Choice(choice) => {
                let exit = self.run(program, |run, frame| run.chosen(frame, state, choice))?;
                let next = exit.next.and_then(|next| program.states.get(next as usize));
                Ok(Need::Nothing(Box::new(TrialResult {
                    status: "SUCCEEDED",
                    output: Some(exit.output),
                    next: next.map(|next| next.name.clone()),
                    failure: Failure::default(),
                })))
            }
            Body::Fail { error, cause } => {
                let failed =
                    self.run(program, |run, frame| run.failing(frame, state, error.as_ref(), cause.as_ref()));
                Err(failed.map_or_else(|trouble| trouble, Trouble::Failure))
            }
            Body::Pass { result } => {
                let payload = match result {
                    Some(result) => Payload::from_value(result.clone()),
                    None => self.run(program, |run, frame| run.effective_input(frame, state))?,
                };
                if has_result && jsonpath {
                    self.note("result", &payload);
                }
                Ok(Need::Nothing(Box::new(self.finish(program, state, &payload, false))))
            }
            _ => {
                let input = self.run(program, |run, frame| run.selected_input(frame, state))?;
                Ok(Need::Nothing(Box::new(self.finish(program, state, &input, false))))
            }
        }
    }

    /// How many iterations the Map has, where that is known.
    pub(crate) const fn items(&self) -> Option<usize> {
        self.items
    }

    /// Whether so many failed iterations are more than the Map tolerates.
    pub(crate) fn exceeds(&self, failed: u64) -> bool {
        let count =
            self.tolerated_count.is_some_and(|tolerated| i64::try_from(failed).is_ok_and(|n| n > tolerated));
        #[expect(clippy::cast_precision_loss, reason = "item counts fit a double")]
        let percentage = self
            .tolerated_percentage
            .zip(self.items)
            .is_some_and(|(tolerated, items)| failed as f64 * 100.0 > tolerated * items as f64);
        count || percentage
    }

    /// The state has its result.
    pub(crate) fn finish(
        &mut self,
        program: &Program,
        state: &State,
        result: &Payload,
        shown: bool,
    ) -> TrialResult {
        if shown {
            self.note("result", result);
        }
        match self.outcome(program, state, result) {
            Ok(output) => TrialResult {
                status: "SUCCEEDED",
                output: Some(output),
                next: state
                    .next
                    .and_then(|next| program.states.get(next as usize))
                    .map(|next| next.name.clone()),
                failure: Failure::default(),
            },
            Err(trouble) => self.failed(program, state, trouble),
        }
    }

    fn outcome(&mut self, program: &Program, state: &State, result: &Payload) -> Result<Payload, Trouble> {
        let steps =
            matches!(state.kind, StateKind::Task | StateKind::Map | StateKind::Parallel | StateKind::Pass);
        if state.language == Language::JsonPath && steps {
            let selected = self.run(program, |run, frame| run.selected_result(frame, state, result))?;
            self.note("afterResultSelector", &selected);
            let placed = place(&state.result_path, &self.frame.input, selected)?;
            self.note("afterResultPath", &placed);
        }
        self.run(program, |run, frame| run.output(frame, state, result)).map(|(output, _)| output)
    }

    /// The state failed: what `Retry` and `Catch` make of it.
    pub(crate) fn failed(&mut self, program: &Program, state: &State, trouble: Trouble) -> TrialResult {
        let failure = match trouble {
            Trouble::Failure(failure) => failure,
            Trouble::Evaluation(error) => Failure::new(error.error_name(), error.message()),
        };
        let error = failure.error.as_deref().unwrap_or_default();
        let mut details = Members::new();
        if let Some((index, retrier)) = first_match(&state.retry, |retrier| &retrier.errors, error) {
            details.insert("retryIndex".to_owned(), json!(index));
            if self.frame.retry_count < retrier.max_attempts {
                let exponent = i32::try_from(self.frame.retry_count).unwrap_or(i32::MAX);
                #[expect(clippy::cast_precision_loss, reason = "seconds fit a double")]
                let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
                #[expect(clippy::cast_precision_loss, reason = "seconds fit a double")]
                let seconds = retrier.max_delay_seconds.map_or(seconds, |most| seconds.min(most as f64));
                #[expect(clippy::cast_possible_truncation, reason = "seconds of a delay")]
                details.insert("retryBackoffIntervalSeconds".to_owned(), json!(seconds as i64));
                self.inspection.insert("errorDetails".to_owned(), Json::Object(details));
                return TrialResult { status: "RETRIABLE", output: None, next: None, failure };
            }
        }
        let mut result = TrialResult { status: "FAILED", output: None, next: None, failure };
        let error = result.failure.error.as_deref().unwrap_or_default();
        if let Some((index, catcher)) = first_match(&state.catch, |catcher| &catcher.errors, error) {
            let failure = result.failure.clone();
            let exit = self.run(program, |run, frame| run.caught(frame, state, (index, catcher), &failure));
            if let Ok(exit) = exit {
                details.insert("catchIndex".to_owned(), json!(index));
                result.status = "CAUGHT_ERROR";
                result.output = Some(exit.output);
                result.next = program.states.get(catcher.next as usize).map(|next| next.name.clone());
            }
        }
        if !details.is_empty() {
            self.inspection.insert("errorDetails".to_owned(), Json::Object(details));
        }
        result
    }
}
