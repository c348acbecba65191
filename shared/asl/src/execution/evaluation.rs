//! What paths and expressions of a state see.

use super::snapshot::{Frame, Snapshot};
use crate::history::StateKind;
use crate::intrinsic::Randomness;
use crate::jsonata::Bindings;
use crate::jsonpath::Roots;
use crate::program::State;
use crate::{ExecutionContext, Object, Payload, TaskId, Timestamp, Value};
use std::cell::Cell;

/// One evaluation within a state.
pub(crate) struct Evaluation<'a> {
    pub(super) execution: &'a Snapshot,
    pub(super) frame: &'a Frame,
    pub(super) state: &'a State,
    pub(super) now: Timestamp,
    /// What `$` stands for in JSONPath.
    pub(super) input: Value,
    pub(super) result: Option<Value>,
    pub(super) error_output: Option<Value>,
    /// The item of an iteration that is about to begin.
    pub(super) item: Option<(u64, Value)>,
    pub(super) task: Option<TaskId>,
    pub(super) random: Cell<u64>,
    /// A context object that was given from outside.
    pub(super) given_context: Option<Value>,
}

impl Roots for Evaluation<'_> {
    fn input(&self) -> Value {
        self.input.clone()
    }

    fn context(&self) -> Value {
        if let Some(given) = &self.given_context {
            return given.clone();
        }
        let state = [
            ("Name", Some(Value::String(self.state.name.clone()))),
            ("EnteredTime", Some(Value::string(self.frame.entered_at.to_string()))),
            (
                "RetryCount",
                matches!(self.state.kind, StateKind::Task | StateKind::Parallel | StateKind::Map)
                    .then(|| Value::from(u64::from(self.frame.retry_count))),
            ),
        ];
        let token = self.task.map(|task| {
            let text = crate::token::make(&self.execution.seed, self.execution.context.key, task);
            object([("Token", Some(Value::string(text)))])
        });
        let redriven = (self.execution.redrive_count, self.execution.redrive_time);
        context_object(
            &self.execution.context,
            &self.execution.input,
            redriven,
            object(state),
            [("Task", token), ("Map", self.item())],
        )
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.execution.variable(self.frame, name).map(|payload| payload.value().clone())
    }
}

impl Evaluation<'_> {
    fn item(&self) -> Option<Value> {
        let item = |index: u64, value: Value| {
            let item = object([("Index", Some(Value::from(index))), ("Value", Some(value))]);
            object([("Item", Some(item))])
        };
        if let Some((index, value)) = &self.item {
            return Some(item(*index, value.clone()));
        }
        let mut frame = self.frame;
        loop {
            if let Some(found) = &frame.item {
                return Some(item(found.index, found.value.value().clone()));
            }
            frame = self.execution.frame(frame.parent?.0)?;
        }
    }
}

impl Bindings for Evaluation<'_> {
    fn states(&self, member: &'static str) -> Option<Value> {
        match member {
            "input" => Some(self.frame.input.value().clone()),
            "result" => self.result.clone(),
            "errorOutput" => self.error_output.clone(),
            _ => Some(Roots::context(self)),
        }
    }

    fn variable(&self, name: &str) -> Option<Value> {
        Roots::variable(self, name)
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Randomness for Evaluation<'_> {
    fn uuid(&self) -> String {
        self.execution.seed.uuid("uuid", self.random.replace(self.random.get() + 1))
    }

    fn fraction(&self) -> f64 {
        self.execution.seed.fraction("random", self.random.replace(self.random.get() + 1))
    }
}

/// An object of the members that are there.
pub(crate) fn object<const N: usize>(members: [(&'static str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
    Value::object(present.collect::<Object>())
}

/// The context object (`$$`, `$states.context`).
pub(crate) fn context_object<const N: usize>(
    context: &ExecutionContext,
    input: &Payload,
    (redrive_count, redrive_time): (u32, Option<Timestamp>),
    state: Value,
    more: [(&'static str, Option<Value>); N],
) -> Value {
    let execution = object([
        ("Id", Some(Value::String(context.arn.clone()))),
        ("Input", Some(input.value().clone())),
        ("StartTime", Some(Value::string(context.start_time.to_string()))),
        ("Name", Some(Value::String(context.name.clone()))),
        ("RoleArn", Some(Value::String(context.role.clone()))),
        ("RedriveCount", Some(Value::from(u64::from(redrive_count)))),
        ("RedriveTime", redrive_time.map(|time| Value::string(time.to_string()))),
    ]);
    let machine = object([
        ("Id", Some(Value::String(context.state_machine_arn.clone()))),
        ("Name", Some(Value::String(context.state_machine_name.clone()))),
    ]);
    let mut members = Object::default();
    members.insert("Execution".into(), execution);
    members.insert("StateMachine".into(), machine);
    members.insert("State".into(), state);
    members.extend(more.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    Value::object(members)
}
