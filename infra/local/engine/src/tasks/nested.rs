//! Executions that a task of another execution starts.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value, json};
use toss_asl::{Effect, Failure, Invocation, MapRunId, Pattern, Payload, Status, Stimulus, TaskId};

use crate::{
    api,
    core::{Core, lock},
    executions::Slot,
    home::CallError,
    record::Origin,
    run::Launched,
};

use super::{
    failures::refused,
    http::{Shape, metadata},
    uuid_of,
};

/// Which executions were started by which tasks and distributed Maps that still wait for them.
#[derive(Debug, Default)]
pub(crate) struct Nested {
    by_task: Mutex<HashMap<(u64, u32), u64>>,
    by_child: Mutex<HashMap<(u64, u32, u32), u64>>,
}

impl Nested {
    pub(super) fn add_child(&self, parent: u64, run: u32, child: u32, key: u64) {
        lock(&self.by_child).insert((parent, run, child), key);
    }

    pub(super) fn take_child(&self, parent: u64, run: u32, child: u32) -> Option<u64> {
        lock(&self.by_child).remove(&(parent, run, child))
    }
}

/// `arn:aws:states:::states:startExecution` in all its patterns.
pub(super) async fn start(core: &Arc<Core>, slot: &Arc<Slot>, invocation: &Invocation) -> Option<Stimulus> {
    let task = invocation.task;
    match begin(core, slot, invocation).await {
        Ok(Some(output)) if invocation.resource.pattern() == Pattern::WaitForTaskToken => {
            Some(Stimulus::TaskSubmitted { task, output })
        }
        Ok(Some(output)) => Some(Stimulus::TaskSucceeded { task, output }),
        // The end of the nested execution tells the parent.
        Ok(None) => None,
        Err(failure) => Some(Stimulus::TaskFailed { task, failure }),
    }
}

/// Starts the execution; answers the task's output, or `None` where the task waits for the end.
async fn begin(
    core: &Arc<Core>,
    slot: &Arc<Slot>,
    invocation: &Invocation,
) -> Result<Option<Payload>, Failure> {
    let pattern = invocation.resource.pattern();
    let waits = matches!(pattern, Pattern::Sync | Pattern::Sync2);
    let arguments = invocation.parameters.to_json();
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let machine = text("StateMachineArn").unwrap_or_default();
    let input = match arguments.get("Input") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(input)) => input.clone(),
        Some(other) => other.to_string(),
    };
    let parent = slot.profile.key;
    // A restart starts the execution of the same name again, and so finds the one that is there.
    let name = text("Name").map_or_else(|| own_name(core, slot, invocation), str::to_owned);
    let origin = if waits {
        Origin::Task { parent, task: invocation.task.0, parsed: pattern == Pattern::Sync2 }
    } else {
        Origin::Call
    };
    let refused = |error: toss_local_protocol::ServiceError| {
        let error = CallError { status: error.status, code: error.code, message: error.message };
        refused("states", &error)
    };
    let launched = api::launch(core, machine, &name, &input, text("TraceHeader"), origin).map_err(refused)?;
    let (child, step) = match launched {
        Launched::New(step) => (Arc::clone(&step.slot), Some(step)),
        Launched::Existing(key) => match core.slot(key) {
            Ok(Some(child)) if is_own(&child, parent, invocation.task.0, &input, waits) => (child, None),
            _ => return Err(refused(api::already_exists(core, machine, &name))),
        },
    };
    let position = child.lock().position;
    if core.durable(position).await.is_err() {
        return Ok(None);
    }
    let output = started(core, &child);
    if !waits {
        if let Some(step) = step {
            core.carry_on(step);
        }
        return Ok(Some(output));
    }
    lock(&core.nested.by_task).insert((parent, invocation.task.0), child.profile.key);
    // The parent hears of the start before the nested execution does anything, so before its end.
    let submitted = Stimulus::TaskSubmitted { task: invocation.task, output };
    if let Some(submitted) = core.stimulate_or_log(slot, submitted) {
        core.carry_on(submitted);
    }
    match step {
        Some(step) => {
            core.carry_on(step);
        }
        None if child.lock().standing.status != Status::Running => tell_parent(core, &child),
        None => {}
    }
    Ok(None)
}

fn is_own(child: &Slot, parent: u64, task: u32, input: &str, waits: bool) -> bool {
    match &child.profile.origin {
        Origin::Task { parent: of, task: by, .. } => *of == parent && *by == task,
        _ => !waits && child.profile.input.text() == input && child.lock().standing.status == Status::Running,
    }
}

fn own_name(core: &Core, slot: &Slot, invocation: &Invocation) -> String {
    let mut bits = 0_u128;
    for half in 0..2_u8 {
        let mut hasher = DefaultHasher::new();
        (core.arn_of(&slot.profile), slot.profile.key, invocation.task.0, half).hash(&mut hasher);
        bits = bits << 64 | u128::from(hasher.finish());
    }
    uuid_of(bits)
}

fn started(core: &Core, child: &Slot) -> Payload {
    let mut output = Map::new();
    output.insert("ExecutionArn".into(), json!(core.arn_of(&child.profile)));
    output.insert("StartDate".into(), json!(child.profile.started));
    let body = Value::Object(output.clone()).to_string();
    for (name, value) in metadata(core, Shape::Json, &body) {
        output.insert(name.into(), value);
    }
    Payload::from_value(Value::Object(output).into())
}

/// Tells the execution that waits for this one how it ended.
pub(crate) fn tell_parent(core: &Arc<Core>, child: &Arc<Slot>) {
    let (parent, stimulus) = match &child.profile.origin {
        Origin::Call => return,
        Origin::Task { parent, task, parsed } => {
            lock(&core.nested.by_task).remove(&(*parent, *task));
            (*parent, end_of_task(core, child, TaskId(*task), *parsed))
        }
        Origin::Map { parent, run, child: number, .. } => {
            core.nested.take_child(*parent, *run, *number);
            (*parent, end_of_child(child, MapRunId(*run), *number))
        }
    };
    let slot = match core.open_slot(parent) {
        Ok(Some(slot)) => slot,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, parent, "a finished execution could not tell its parent");
            return;
        }
    };
    if let Origin::Task { task, .. } = &child.profile.origin {
        submit_first(core, &slot, child, TaskId(*task));
    }
    if let Some(step) = core.stimulate_or_log(&slot, stimulus) {
        core.carry_on(step);
    }
}

/// A crash may have come between the start and its note in the parent.
fn submit_first(core: &Arc<Core>, parent: &Arc<Slot>, child: &Slot, task: TaskId) {
    let open = {
        let mut state = parent.lock();
        match state.live(|| core.machine_of(&parent.profile)) {
            Ok(Some(execution)) => execution
                .open_effects()
                .iter()
                .any(|effect| matches!(effect, Effect::InvokeTask(invocation) if invocation.task == task)),
            _ => false,
        }
    };
    if open {
        let submitted = Stimulus::TaskSubmitted { task, output: started(core, child) };
        if let Some(step) = core.stimulate_or_log(parent, submitted) {
            core.carry_on(step);
        }
    }
}

fn end_of_task(core: &Core, child: &Slot, task: TaskId, parsed: bool) -> Stimulus {
    let state = child.lock();
    let standing = &state.standing;
    let data = |payload: &Payload| if parsed { payload.to_json() } else { json!(payload.text()) };
    let included = json!({ "Included": true });
    let mut output = Map::new();
    output.insert("ExecutionArn".into(), json!(core.arn_of(&child.profile)));
    output.insert("Input".into(), data(&child.profile.input));
    output.insert("InputDetails".into(), included.clone());
    output.insert("Name".into(), json!(child.profile.name));
    if let Some(produced) = &standing.output {
        output.insert("Output".into(), data(produced));
        output.insert("OutputDetails".into(), included);
    }
    if let Some(error) = &standing.failure.error {
        output.insert("Error".into(), json!(error));
    }
    if let Some(cause) = &standing.failure.cause {
        output.insert("Cause".into(), json!(cause));
    }
    output.insert("StartDate".into(), json!(child.profile.started));
    output.insert("StateMachineArn".into(), json!(core.names.machine(&child.profile.machine)));
    output.insert("Status".into(), json!(standing.status.name()));
    output.insert("StopDate".into(), json!(standing.stopped));
    if standing.status == Status::Succeeded {
        Stimulus::TaskSucceeded { task, output: Payload::from_value(Value::Object(output).into()) }
    } else {
        let failure = Failure::new("States.TaskFailed", Value::Object(output).to_string());
        Stimulus::TaskFailed { task, failure }
    }
}

fn end_of_child(child: &Slot, run: MapRunId, number: u32) -> Stimulus {
    let state = child.lock();
    match (state.standing.status, &state.standing.output) {
        (Status::Succeeded, Some(output)) => {
            Stimulus::ChildSucceeded { run, child: number, output: output.clone() }
        }
        _ => Stimulus::ChildFailed { run, child: number, failure: state.standing.failure.clone() },
    }
}

/// Nobody waits for a task any more: the execution that it started is stopped.
pub(crate) fn cancel(core: &Arc<Core>, slot: &Slot, task: TaskId) {
    let child = lock(&core.nested.by_task).remove(&(slot.profile.key, task.0));
    if let Some(child) = child {
        stop(core, child);
    }
}

/// Stops an execution because nobody waits for it any more.
pub(super) fn stop(core: &Arc<Core>, key: u64) {
    if let Ok(Some(child)) = core.open_slot(key)
        && let Some(step) = core.stimulate_or_log(&child, Stimulus::Stop(Failure::default()))
    {
        core.carry_on(step);
    }
}
