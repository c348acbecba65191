//! Task states: from the call to its answer.

use super::evaluation::Evaluation;
use super::numbers::whole;
use super::run::{Flow, Run, Trouble};
use super::snapshot::{Frame, FrameId, Phase, Purpose, TaskRun};
use crate::history::{Event, Failure, TaskScheduled};
use crate::program::{Body, Language, State, Task, Text};
use crate::template::EvaluationError;
use crate::{Effect, Pattern, Payload, ResourceKind, TaskId, TaskResource, Value};
use std::sync::Arc;

struct Arguments {
    parameters: Payload,
    timeout: Option<u64>,
    heartbeat: Option<u64>,
    role: Option<Arc<str>>,
}

impl<'a> Run<'a> {
    pub(super) fn task(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
        task: &'a Task,
    ) -> Result<Flow, Trouble> {
        let task_id = TaskId(self.state.next_task);
        // The token of a `.sync` task ends it early.
        let has_token = task.resource.pattern() != Pattern::RequestResponse
            || task.resource.kind() == ResourceKind::Activity;
        let input = self.selected_input(frame, state)?;
        let arguments = self.evaluate(
            frame,
            state,
            |evaluation| {
                evaluation.input = input.value().clone();
                evaluation.task = has_token.then_some(task_id);
            },
            |evaluation| arguments(evaluation, state, task, &input),
        )?;
        self.state.next_task += 1;
        self.scheduled(frame, task, &arguments);
        let mut run = TaskRun {
            task: task_id,
            parameters: Some(arguments.parameters),
            role: arguments.role,
            has_token,
            timeout_seconds: arguments.timeout,
            heartbeat_seconds: arguments.heartbeat,
            timeout: None,
            heartbeat: None,
        };
        if let Some(invocation) = self.state.invocation(&run, &task.resource, frame, &state.name) {
            self.effect(Effect::InvokeTask(Box::new(invocation)));
        }
        run.timeout = arguments
            .timeout
            .map(|seconds| self.set_timer(Purpose::TaskTimeout(id), seconds.saturating_mul(1000)));
        run.heartbeat = self.heartbeat_timer(id, &run);
        self.state.tasks.insert(task_id, id);
        Ok(Flow::Pause(Phase::Task(Box::new(run))))
    }

    /// What a task would be called with.
    pub(super) fn task_parameters(
        &mut self,
        frame: &Frame,
        state: &State,
        task: &Task,
    ) -> Result<Payload, Trouble> {
        let input = self.selected_input(frame, state)?;
        let arguments = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| arguments(evaluation, state, task, &input),
        )?;
        Ok(arguments.parameters)
    }

    /// Only tasks that others complete can be silent too long.
    fn heartbeat_timer(&mut self, id: FrameId, run: &TaskRun) -> Option<crate::TimerId> {
        let seconds = run.heartbeat_seconds?;
        run.has_token.then(|| self.set_timer(Purpose::Heartbeat(id), seconds.saturating_mul(1000)))
    }

    fn scheduled(&mut self, frame: &mut Frame, task: &Task, arguments: &Arguments) {
        let scheduled = Box::new(TaskScheduled {
            resource: task.resource.clone(),
            parameters: arguments.parameters.clone(),
            region: self.state.context.region().into(),
            timeout_seconds: arguments.timeout,
            heartbeat_seconds: arguments.heartbeat,
            role: arguments.role.clone(),
        });
        match task.resource.kind() {
            ResourceKind::Function => {
                frame.last = self.event(frame.last, Event::LambdaFunctionScheduled(scheduled));
                frame.last = self.event(frame.last, Event::LambdaFunctionStarted);
            }
            ResourceKind::Activity => {
                frame.last = self.event(frame.last, Event::ActivityScheduled(scheduled));
            }
            ResourceKind::Service(_) | ResourceKind::Sdk(_) => {
                frame.last = self.event(frame.last, Event::TaskScheduled(scheduled));
                frame.last = self.event(frame.last, Event::TaskStarted { resource: task.resource.clone() });
            }
        }
    }

    /// Takes the frame that waits for a task, with the call's resource.
    fn waiting(&mut self, task: TaskId) -> Option<(FrameId, Frame, &'a State, &'a TaskResource)> {
        let id = *self.state.tasks.get(&task)?;
        let state_index = self.state.frame(id)?.state;
        let program = self.program;
        let state = program.states.get(state_index as usize)?;
        let Body::Task(task) = &state.body else { return None };
        Some((id, self.take(id)?, state, &task.resource))
    }

    pub(super) fn task_started(&mut self, task: TaskId, worker: Option<Arc<str>>) {
        let Some((id, mut frame, _, _)) = self.waiting(task) else { return self.refuse() };
        frame.last = self.event(frame.last, Event::ActivityStarted { worker });
        // A worker's silence counts from the moment it took the task.
        self.beat(id, &frame);
        self.put(id, frame);
    }

    pub(super) fn task_submitted(&mut self, task: TaskId, output: Payload) {
        let Some((id, mut frame, _, resource)) = self.waiting(task) else { return self.refuse() };
        if let Phase::Task(run) = &mut frame.phase {
            run.parameters = None;
        }
        frame.last = self.event(frame.last, Event::TaskSubmitted { resource: resource.clone(), output });
        self.put(id, frame);
    }

    pub(super) fn heartbeat(&mut self, task: TaskId) {
        let Some((id, frame, _, _)) = self.waiting(task) else { return self.refuse() };
        self.beat(id, &frame);
        self.put(id, frame);
    }

    fn beat(&mut self, _id: FrameId, frame: &Frame) {
        let Phase::Task(run) = &frame.phase else { return };
        if let (Some(timer), Some(seconds)) = (run.heartbeat, run.heartbeat_seconds) {
            let millis = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            let at = self.now.plus_millis(millis);
            if let Some(set) = self.state.timers.get_mut(&timer) {
                set.at = at;
                self.effect(Effect::SetTimer { timer, at });
            }
        }
    }

    pub(super) fn task_succeeded(&mut self, task: TaskId, output: Payload) {
        let Some((id, mut frame, state, resource)) = self.waiting(task) else { return self.refuse() };
        self.task_over(&mut frame);
        if output.byte_len() > super::MAX_PAYLOAD {
            let cause = format!(
                "The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit.",
                task_subject(resource)
            );
            let failure = Failure::new("States.DataLimitExceeded", cause);
            frame.last = self.event(frame.last, failed_event(resource, failure.clone()));
            return self.trouble(id, frame, state, Trouble::Failure(failure));
        }
        let event = match resource.kind() {
            ResourceKind::Function => Event::LambdaFunctionSucceeded { output: output.clone() },
            ResourceKind::Activity => Event::ActivitySucceeded { output: output.clone() },
            ResourceKind::Service(_) | ResourceKind::Sdk(_) => {
                Event::TaskSucceeded { resource: resource.clone(), output: output.clone() }
            }
        };
        frame.last = self.event(frame.last, event);
        self.flow(id, frame, state, Flow::Done(output));
    }

    pub(super) fn task_failed(&mut self, task: TaskId, failure: Failure) {
        let Some((id, mut frame, state, resource)) = self.waiting(task) else { return self.refuse() };
        self.task_over(&mut frame);
        frame.last = self.event(frame.last, failed_event(resource, failure.clone()));
        self.trouble(id, frame, state, Trouble::Failure(failure));
    }

    /// The task ran or was silent for too long.
    pub(super) fn task_timed_out(&mut self, id: FrameId, error: &str) {
        let Some(Phase::Task(run)) = self.state.frame(id).map(|frame| &frame.phase) else {
            return self.refuse();
        };
        let task = run.task;
        let Some((id, mut frame, state, resource)) = self.waiting(task) else { return self.refuse() };
        self.task_over(&mut frame);
        self.effect(Effect::CancelTask { task });
        let failure = Failure::named(error);
        let event = match resource.kind() {
            ResourceKind::Function => Event::LambdaFunctionTimedOut(failure.clone()),
            ResourceKind::Activity => Event::ActivityTimedOut(failure.clone()),
            ResourceKind::Service(_) | ResourceKind::Sdk(_) => {
                Event::TaskTimedOut { resource: resource.clone(), failure: failure.clone() }
            }
        };
        frame.last = self.event(frame.last, event);
        self.trouble(id, frame, state, Trouble::Failure(failure));
    }

    /// Nobody waits for the task any more.
    pub(super) fn task_over(&mut self, frame: &mut Frame) {
        if let Phase::Task(run) = &frame.phase {
            self.state.tasks.remove(&run.task);
            let (timeout, heartbeat) = (run.timeout, run.heartbeat);
            self.cancel_timer(timeout);
            self.cancel_timer(heartbeat);
        }
        frame.phase = Phase::Again;
    }
}

fn failed_event(resource: &TaskResource, failure: Failure) -> Event {
    match resource.kind() {
        ResourceKind::Function => Event::LambdaFunctionFailed(failure),
        ResourceKind::Activity => Event::ActivityFailed(failure),
        ResourceKind::Service(_) | ResourceKind::Sdk(_) => {
            Event::TaskFailed { resource: resource.clone(), failure }
        }
    }
}

fn task_subject(resource: &TaskResource) -> &str {
    match resource.kind() {
        ResourceKind::Function | ResourceKind::Activity => resource.arn(),
        ResourceKind::Service(_) | ResourceKind::Sdk(_) => resource.service(),
    }
}

fn arguments(
    scope: &Evaluation<'_>,
    state: &State,
    task: &Task,
    input: &Payload,
) -> Result<Arguments, EvaluationError> {
    let field = if state.language == Language::Jsonata { "Arguments" } else { "Parameters" };
    let seconds = |text: &Option<Text>, field: &str| -> Result<Option<u64>, EvaluationError> {
        let Some(text) = text else { return Ok(None) };
        let number = whole(text, scope, field)?;
        match u64::try_from(number) {
            Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
            _ => Err(EvaluationError::runtime(format!("{field} must be a positive number: {number}"))),
        }
    };
    let timeout = seconds(&task.timeout, "TimeoutSeconds")?;
    let heartbeat = seconds(&task.heartbeat, "HeartbeatSeconds")?;
    let parameters = match &state.parameters {
        Some(template) => Payload::from_value(template.evaluate(scope, field)?),
        None => input.clone(),
    };
    let role = match &task.role {
        Some(text) => match text.evaluate(scope, "Credentials/RoleArn")? {
            Value::String(role) => Some(role),
            other => {
                return Err(EvaluationError::runtime(format!(
                    "RoleArn must be a string: {}",
                    other.to_json()
                )));
            }
        },
        None => None,
    };
    Ok(Arguments { parameters, timeout, heartbeat, role })
}
