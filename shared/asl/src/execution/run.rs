//! One stimulus at work: the loop that takes lines of control from state to state.

use super::evaluation::Evaluation;
use super::snapshot::{Frame, FrameId, Phase, Purpose, ROOT, Snapshot, Timer};
use crate::history::{Event, Failure, StateKind};
use crate::program::{Program, State};
use crate::template::EvaluationError;
use crate::{Completion, Effect, HistoryEvent, Outcome, Payload, Status, TimerId, Timestamp, Value};
use std::cell::Cell;

/// The longest history of a Standard execution.
const MAX_EVENTS: u64 = 25_000;
/// After so many states at one stimulus the host gets a turn.
const MAX_STATES_AT_ONCE: u32 = 20_000;

pub(super) struct Run<'a> {
    pub(super) program: &'a Program,
    pub(super) state: &'a mut Snapshot,
    pub(super) now: Timestamp,
    pub(super) outcome: Outcome,
    /// A context object in the place of the execution's own, for tests of a state.
    pub(super) given_context: Option<Value>,
}

/// How a state goes on.
pub(super) enum Flow {
    /// It has its result.
    Done(Payload),
    /// Choice: its output and its next state are already known.
    Exit(Box<Exit>),
    /// It waits for a stimulus, in this phase.
    Pause(Phase),
}

/// A state's end.
pub(super) struct Exit {
    pub(super) output: Payload,
    pub(super) assigned: Option<crate::history::Assigned>,
    pub(super) next: Option<crate::program::StateIndex>,
}

/// Why a state failed.
pub(crate) enum Trouble {
    /// A path or expression has no value: an event tells of it if it is JSONata's.
    Evaluation(EvaluationError),
    /// Everything else, with the events already written.
    Failure(Failure),
}

impl From<EvaluationError> for Trouble {
    fn from(error: EvaluationError) -> Self {
        Self::Evaluation(error)
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(program: &'a Program, state: &'a mut Snapshot, now: Timestamp) -> Self {
        Self {
            program,
            state,
            now,
            outcome: Outcome { accepted: true, ..Outcome::default() },
            given_context: None,
        }
    }

    pub(super) fn finish(self) -> Outcome {
        self.outcome
    }

    pub(super) fn begin(&mut self) {
        let input = self.state.input.clone();
        let role = self.state.context.role.clone();
        self.event(0, Event::ExecutionStarted { input: input.clone(), role });
        if let Some(seconds) = self.program.timeout_seconds.filter(|_| self.state.context.child.is_none()) {
            self.set_timer(Purpose::ExecutionTimeout, seconds.saturating_mul(1000));
        }
        let start = self.state.start;
        self.spawn(Frame::new(None, start, input, 0));
        self.drain();
    }

    /// Lets every line of control go on until all of them wait.
    pub(super) fn drain(&mut self) {
        let mut budget = MAX_STATES_AT_ONCE;
        while self.state.status == Status::Running {
            let Some(id) = self.state.ready.pop_front() else { return };
            if budget == 0 {
                self.state.ready.push_front(id);
                self.effect(Effect::Continue);
                return;
            }
            budget -= 1;
            self.step(id);
        }
    }

    fn step(&mut self, id: FrameId) {
        let Some(mut frame) = self.take(id) else { return };
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        if matches!(frame.phase, Phase::Enter) && self.never_enters(&frame, state) {
            frame.phase = Phase::Wait;
            return self.put(id, frame);
        }
        if matches!(frame.phase, Phase::Enter) {
            frame.before = frame.last;
            let entered = Event::StateEntered {
                kind: state.kind,
                name: state.name.clone(),
                input: frame.input.clone(),
            };
            frame.entered = self.event(frame.last, entered);
            frame.last = frame.entered;
            frame.entered_at = self.now;
            frame.retries.clear();
            frame.retry_count = 0;
            if self.state.status != Status::Running {
                return;
            }
        }
        match self.execute(id, &mut frame, state) {
            Ok(flow) => self.flow(id, frame, state, flow),
            Err(trouble) => self.trouble(id, frame, state, trouble),
        }
    }

    pub(super) fn flow(&mut self, id: FrameId, mut frame: Frame, state: &'a State, flow: Flow) {
        match flow {
            Flow::Pause(phase) => {
                frame.phase = phase;
                self.put(id, frame);
            }
            Flow::Exit(exit) => self.exit(id, frame, state, *exit),
            Flow::Done(result) => match self.output(&frame, state, &result) {
                Ok((output, assigned)) => {
                    self.exit(id, frame, state, Exit { output, assigned, next: state.next });
                }
                Err(trouble) => self.trouble(id, frame, state, trouble),
            },
        }
    }

    /// The state is left: its event is written, and the next state or the end of the line comes.
    pub(super) fn exit(&mut self, id: FrameId, mut frame: Frame, state: &'a State, exit: Exit) {
        if exit.output.byte_len() > super::MAX_PAYLOAD {
            let cause = format!(
                "The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.",
                state.name
            );
            let failure = Failure::new("States.DataLimitExceeded", cause);
            return self.trouble(id, frame, state, Trouble::Failure(failure));
        }
        if let Some(assigned) = &exit.assigned {
            let mut variables =
                frame.variables.take().map(std::sync::Arc::unwrap_or_clone).unwrap_or_default();
            for (name, value) in assigned.iter() {
                match variables.iter_mut().find(|(known, _)| known == name) {
                    Some((_, slot)) => *slot = value.clone(),
                    None => variables.push((name.clone(), value.clone())),
                }
            }
            frame.variables = Some(std::sync::Arc::new(variables));
        }
        let event = Event::StateExited {
            kind: state.kind,
            name: state.name.clone(),
            output: exit.output.clone(),
            assigned: exit.assigned,
        };
        frame.last = self.event(frame.last, event);
        if self.state.status != Status::Running {
            return;
        }
        match exit.next {
            Some(next) => {
                frame.state = next;
                frame.input = exit.output;
                frame.phase = Phase::Enter;
                self.put(id, frame);
                self.state.ready.push_back(id);
            }
            None => self.line_ended(id, frame, exit.output),
        }
    }

    fn line_ended(&mut self, id: FrameId, mut frame: Frame, output: Payload) {
        match frame.parent {
            Some((parent, slot)) => {
                let last = frame.last;
                frame.phase = Phase::Finished;
                self.release(id);
                self.child_ended(parent, slot, last, output);
            }
            None => {
                self.event(frame.last, Event::ExecutionSucceeded { output: output.clone() });
                self.complete(Status::Succeeded, Some(output), Failure::default());
            }
        }
    }

    /// The execution ends with an error.
    pub(super) fn fail_execution(&mut self, previous: u64, failure: Failure) {
        self.event(previous, Event::ExecutionFailed(failure.clone()));
        self.complete(Status::Failed, None, failure);
    }

    pub(super) fn complete(&mut self, status: Status, output: Option<Payload>, failure: Failure) {
        for (task, _) in self.state.tasks.drain() {
            self.effect(Effect::CancelTask { task });
        }
        self.stop_map_runs();
        self.state.timers.drain();
        self.state.ready.clear();
        if status == Status::Succeeded {
            self.state.frames.clear();
            self.state.free.clear();
        }
        self.state.status = status;
        let completion = Box::new(Completion { status, output, failure });
        self.state.completion = Some(completion.clone());
        self.effect(Effect::Complete(completion));
    }

    pub(super) fn event(&mut self, previous: u64, event: Event) -> u64 {
        self.state.last_event += 1;
        let id = self.state.last_event;
        self.outcome.events.push(HistoryEvent { id, previous, timestamp: self.now, event });
        if id == MAX_EVENTS - 1 && !self.state.context.express && self.state.status == Status::Running {
            let cause = format!("The execution reached the maximum number of history events ({MAX_EVENTS}).");
            self.fail_execution(id, Failure::new("States.Runtime", cause));
        }
        id
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.outcome.effects.push(effect);
    }

    /// Adds a line of control that begins at once.
    pub(super) fn spawn(&mut self, frame: Frame) -> FrameId {
        let id = match self.state.free.pop() {
            Some(id) => id,
            None => {
                self.state.frames.push(None);
                (self.state.frames.len() - 1) as FrameId
            }
        };
        self.put(id, frame);
        self.state.ready.push_back(id);
        id
    }

    pub(super) fn take(&mut self, id: FrameId) -> Option<Frame> {
        self.state.frames.get_mut(id as usize).and_then(Option::take)
    }

    pub(super) fn put(&mut self, id: FrameId, frame: Frame) {
        if let Some(slot) = self.state.frames.get_mut(id as usize) {
            *slot = Some(frame);
        }
    }

    pub(super) fn release(&mut self, id: FrameId) {
        if let Some(slot) = self.state.frames.get_mut(id as usize) {
            *slot = None;
        }
        if id != ROOT {
            self.state.free.push(id);
        }
    }

    pub(super) fn set_timer(&mut self, purpose: Purpose, millis: u64) -> TimerId {
        let at = self.now.plus_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        self.set_timer_at(purpose, at)
    }

    pub(super) fn set_timer_at(&mut self, purpose: Purpose, at: Timestamp) -> TimerId {
        let timer = TimerId(self.state.next_timer);
        self.state.next_timer += 1;
        self.state.timers.insert(timer, Timer { at, purpose });
        self.effect(Effect::SetTimer { timer, at });
        timer
    }

    pub(super) fn cancel_timer(&mut self, timer: Option<TimerId>) {
        if let Some(timer) = timer.filter(|timer| self.state.timers.remove(timer).is_some()) {
            self.effect(Effect::CancelTimer { timer });
        }
    }

    /// Evaluates something within a state, and keeps account of the randomness it used.
    pub(super) fn evaluate<T>(
        &mut self,
        frame: &Frame,
        state: &State,
        prepare: impl FnOnce(&mut Evaluation<'_>),
        evaluate: impl FnOnce(&Evaluation<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        let mut evaluation = Evaluation {
            execution: self.state,
            frame,
            state,
            now: self.now,
            input: Value::Null,
            result: None,
            error_output: None,
            item: None,
            task: None,
            random: Cell::new(self.state.next_random),
            given_context: self.given_context.clone(),
        };
        prepare(&mut evaluation);
        let value = evaluate(&evaluation);
        let used = evaluation.random.get();
        self.state.next_random = used;
        value
    }

    pub(super) fn aborted(&mut self, frame: &Frame, kind: StateKind) {
        self.event(frame.last, Event::StateAborted { kind });
    }
}

impl Frame {
    pub(super) fn new(
        parent: Option<(FrameId, u32)>,
        state: crate::program::StateIndex,
        input: Payload,
        last: u64,
    ) -> Self {
        Self {
            parent,
            state,
            phase: Phase::Enter,
            input,
            before: last,
            entered: last,
            last,
            entered_at: Timestamp::default(),
            retries: Vec::new(),
            retry_count: 0,
            variables: None,
            item: None,
            failed: false,
        }
    }
}
