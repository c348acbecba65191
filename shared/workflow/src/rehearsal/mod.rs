//! Running a definition with mocked results: the interpreter that runs executions, a virtual clock, no tenant.
//! Thirty days pass at once.

mod clock;
mod mock;

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use toss_asl::{
    Completion, Effect, Event, Execution, ExecutionContext, Failure, Invocation, Machine, Outcome, Pattern,
    Payload, ResourceKind, Seed, Status, Stimulus, Timestamp,
};

use crate::{
    catalogue::Catalogue,
    compile::compile,
    read::Document,
    target::{CompileError, CompileTarget, Compiled},
};
use clock::Agenda;
use mock::{Answer, Mocks};

/// One run: an input, what each step's activity answers, and what must come of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// What it shows.
    #[serde(default)]
    pub name: String,
    /// The execution's input.
    #[serde(default)]
    pub input: Value,
    /// What the activities answer, by step. `{error, cause?}` fails, `{result}` or any other value is the result,
    /// `{after: 3d, …}` takes that long, `{never: true}` never answers. A list is taken one by one, its last entry
    /// again and again; a list as a result is written `{result: […]}`. A compensation is named `Undo <step>` and
    /// succeeds when not mocked.
    #[serde(default)]
    pub mocks: Map<String, Value>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expectation,
}

/// What must come of a run. What is not given is not compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// `succeeded`, `failed` or `timed_out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The execution's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The execution's error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The states in the order they were entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<String>>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `succeeded`, `failed` or `timed_out`.
    pub status: String,
    /// The execution's output.
    pub output: Option<Value>,
    /// The execution's error.
    pub error: Option<String>,
    /// The execution's cause.
    pub cause: Option<String>,
    /// The states in the order they were entered: what AWS bills as transitions.
    pub path: Vec<String>,
    /// The calls in the order they were made.
    pub calls: Vec<Call>,
    /// How long it took on the virtual clock.
    pub seconds: u64,
    /// Where it differs from what was expected; empty when all is well.
    pub differences: Vec<String>,
}

/// A call of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The step.
    pub step: String,
    /// The activity's type.
    pub activity: String,
    /// What it was passed.
    pub parameters: Value,
}

/// Stimuli after which a run is given up: a loop that mocks keep alive.
const MAX_STIMULI: usize = 20_000;
const START: Timestamp = Timestamp::from_millis(1_893_456_000_000);
const PREFIX: &str = "rehearsal";

/// Runs a definition once.
///
/// # Errors
/// [`CompileError`] when the definition has problems.
pub fn rehearse(
    document: &Document,
    catalogue: &Catalogue,
    rehearsal: &Rehearsal,
) -> Result<Report, CompileError> {
    let target = CompileTarget {
        tenant: "ten_00000000000000000000000000".to_owned(),
        workflow_id: "wf_00000000000000000000000000".to_owned(),
        name: document.name().unwrap_or_default().to_owned(),
        version: 1,
        function_prefix: PREFIX.to_owned(),
    };
    let compiled = compile(document, catalogue, &target)?;
    let mut report = match Machine::parse(&compiled.asl.to_string()) {
        Ok(machine) => Stage::new(catalogue, rehearsal).run(machine, rehearsal),
        // INVARIANT: the interpreter accepts what the compiler writes; a property test holds the compiler to it.
        Err(diagnostics) => Report {
            status: "failed".to_owned(),
            output: None,
            error: Some("Rehearsal.Refused".to_owned()),
            cause: Some(toss_asl::rejection(&diagnostics)),
            path: Vec::new(),
            calls: Vec::new(),
            seconds: 0,
            differences: Vec::new(),
        },
    };
    report.differences = differences(&rehearsal.expect, &report);
    Ok(report)
}

/// The steps that none of these runs reached. A step without a state of its own counts by its successors.
#[must_use]
pub fn unreached(compiled: &Compiled, reports: &[Report]) -> Vec<String> {
    let entered: BTreeSet<&str> =
        reports.iter().flat_map(|report| report.path.iter().map(String::as_str)).collect();
    let mut missed: Vec<String> = Vec::new();
    for (step, state) in &compiled.states {
        if !entered.contains(state.as_str()) {
            missed.push(if step == state { step.clone() } else { format!("{step} ({state})") });
        }
    }
    missed
}

fn differences(expect: &Expectation, report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, wanted: Option<Value>, actual: Value| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != actual) {
            found.push(format!("{what} is {actual}, not {wanted}"));
        }
    };
    compare("the status", expect.status.as_ref().map(|status| json!(status)), json!(report.status));
    compare("the output", expect.output.clone(), json!(report.output));
    compare("the error", expect.error.as_ref().map(|error| json!(error)), json!(report.error));
    compare("the path", expect.path.as_ref().map(|path| json!(path)), json!(report.path));
    found
}

/// A run in progress.
struct Stage<'c> {
    catalogue: &'c Catalogue,
    mocks: Mocks,
    agenda: Agenda,
    path: Vec<String>,
    calls: Vec<Call>,
}

impl<'c> Stage<'c> {
    fn new(catalogue: &'c Catalogue, rehearsal: &Rehearsal) -> Self {
        let mocks = Mocks::new(&rehearsal.mocks);
        Self { catalogue, mocks, agenda: Agenda::default(), path: Vec::new(), calls: Vec::new() }
    }

    fn run(mut self, machine: Machine, rehearsal: &Rehearsal) -> Report {
        let context = ExecutionContext {
            arn: Arc::from(
                "arn:aws:states:us-east-1:000000000000:execution:rehearsal:exe_00000000000000000000000000",
            ),
            name: Arc::from("exe_00000000000000000000000000"),
            role: Arc::from("arn:aws:iam::000000000000:role/rehearsal"),
            start_time: START,
            state_machine_arn: Arc::from("arn:aws:states:us-east-1:000000000000:stateMachine:rehearsal"),
            state_machine_name: Arc::from("rehearsal"),
            express: false,
            key: 0,
            child: None,
        };
        let input = payload(&rehearsal.input);
        let (mut execution, outcome) = Execution::start(machine, input, context, Seed::new([7; 32]));
        let mut now = START;
        self.take(outcome, now);
        for _ in 0..MAX_STIMULI {
            if execution.completion().is_some() {
                break;
            }
            let Some((at, stimulus)) = self.agenda.next() else { break };
            now = now.max(at);
            let outcome = execution.apply(stimulus, now);
            self.take(outcome, now);
        }
        self.report(execution.completion(), now)
    }

    fn take(&mut self, outcome: Outcome, now: Timestamp) {
        for event in outcome.events {
            if let Event::StateEntered { name, .. } = event.event {
                self.path.push(name.to_string());
            }
        }
        for effect in outcome.effects {
            match effect {
                Effect::InvokeTask(invocation) => self.invoke(&invocation, now),
                Effect::CancelTask { task } => self.agenda.forget(task),
                Effect::SetTimer { timer, at } => self.agenda.set(timer, at),
                Effect::CancelTimer { timer } => self.agenda.cancel(timer),
                Effect::Continue => {
                    self.agenda.add(now, Stimulus::Continue);
                }
                // The compiler writes no distributed Map.
                _ => {}
            }
        }
    }

    fn invoke(&mut self, invocation: &Invocation, now: Timestamp) {
        let arguments = invocation.parameters.to_json();
        let function = arguments.get("FunctionName").and_then(Value::as_str).unwrap_or_default();
        let activity =
            function.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('-')).unwrap_or(function);
        let text = |pointer: &str| arguments.pointer(pointer).cloned().unwrap_or_default();
        let state: &str = &invocation.state;
        self.calls.push(Call {
            step: state.to_owned(),
            activity: activity.to_owned(),
            parameters: text("/Payload/parameters"),
        });
        let waits = matches!(invocation.resource.kind(), ResourceKind::Service(Pattern::WaitForTaskToken));
        let task = invocation.task;
        if waits {
            self.agenda
                .add(now, Stimulus::TaskSubmitted { task, output: payload(&json!({ "StatusCode": 200 })) });
        }
        let (after, answer) = self.mocks.next(state, activity, self.catalogue);
        let at = now.plus_millis(after);
        match answer {
            Answer::Result(result) if waits => {
                self.agenda.answer(at, task, Stimulus::TaskSucceeded { task, output: payload(&result) });
            }
            Answer::Result(result) => {
                let output =
                    payload(&json!({ "ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200 }));
                self.agenda.answer(at, task, Stimulus::TaskSucceeded { task, output });
            }
            Answer::Error { error, cause } => {
                let failure = Failure::new(error, cause);
                self.agenda.answer(at, task, Stimulus::TaskFailed { task, failure });
            }
            Answer::Never => {}
        }
    }

    fn report(self, completion: Option<&Completion>, now: Timestamp) -> Report {
        let status = match completion.map(|completion| completion.status) {
            Some(Status::Succeeded) => "succeeded",
            Some(Status::TimedOut) => "timed_out",
            Some(Status::Aborted) => "cancelled",
            Some(Status::Failed) => "failed",
            Some(Status::Running) | None => "running",
        };
        let failure = completion.map(|completion| completion.failure.clone()).unwrap_or_default();
        Report {
            status: status.to_owned(),
            output: completion.and_then(|completion| completion.output.as_ref()).map(Payload::to_json),
            error: failure.error.map(|error| error.to_string()),
            cause: failure.cause.map(|cause| cause.to_string()),
            path: self.path,
            calls: self.calls,
            seconds: u64::try_from((now.as_millis() - START.as_millis()) / 1000).unwrap_or(0),
            differences: Vec::new(),
        }
    }
}

fn payload(value: &Value) -> Payload {
    Payload::from_value(value.clone().into())
}

#[cfg(test)]
mod tests;
