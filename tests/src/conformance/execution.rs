//! Executions: status, output, cause and history.

use super::Verdict;
use super::compare::difference;
use super::world::{self, Finished, Services};
use serde_json::{Value, json};
use toss_asl::{ExecutionContext, Machine, Payload, Status, Timestamp, rejection};

/// When every execution of the runner begins.
const START: i64 = 1_763_800_000_000;

/// Runs a case. With `replay`, its recorded answers stand for services that the runner does not have.
pub(crate) fn run(case: &Value, level: u8, replay: bool) -> Verdict {
    let definition = match &case["definition"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let machine = match Machine::parse(&definition) {
        Ok(machine) => machine,
        Err(diagnostics) => return Verdict::Failed(format!("refused: {}", rejection(&diagnostics))),
    };
    let text = case["input_text"].as_str().unwrap_or("{}");
    let Ok(input) = Payload::parse(text) else { return Verdict::Failed("the input is no JSON".to_owned()) };
    let recorded = case["expected_history"].as_array().filter(|_| replay).map_or(&[][..], Vec::as_slice);
    let services = Services { functions: &case["functions"], objects: &case["s3_objects"], recorded };
    let finished = world::run(machine, input, context(case["machine_type"] == "EXPRESS"), &services);
    match judge(case, level, &finished.into()) {
        None => Verdict::Passed,
        Some(reason) => Verdict::Failed(reason),
    }
}

fn context(express: bool) -> ExecutionContext {
    let arn = if express {
        "arn:aws:states:us-east-1:111111111111:express:machine:execution:0f3c7e1a"
    } else {
        "arn:aws:states:us-east-1:111111111111:execution:machine:execution"
    };
    ExecutionContext {
        arn: arn.into(),
        name: "execution".into(),
        role: "arn:aws:iam::111111111111:role/sfn_role".into(),
        start_time: Timestamp::from_millis(START),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
        express,
        key: 1,
        child: None,
    }
}

/// What became of an execution, as the protocol tells it.
pub(super) struct Outcome {
    pub(super) status: String,
    pub(super) output: Value,
    pub(super) error: Value,
    pub(super) cause: Value,
    /// The history, where there is one to look at.
    pub(super) events: Option<Vec<Value>>,
}

impl From<Finished> for Outcome {
    fn from(finished: Finished) -> Self {
        let events = finished.events.iter().map(|event| event.to_api(true)).collect();
        let completion = finished.completion.as_ref();
        let failure = completion.map(|completion| completion.failure.clone()).unwrap_or_default();
        let output = completion.and_then(|completion| completion.output.as_ref());
        Self {
            status: completion.map_or(Status::Running, |completion| completion.status).name().to_owned(),
            output: output.map_or(Value::Null, Payload::to_json),
            error: json!(failure.error),
            cause: json!(failure.cause),
            events: Some(events),
        }
    }
}

pub(super) fn judge(case: &Value, level: u8, outcome: &Outcome) -> Option<String> {
    let expected = &case["expected"];
    let wanted = expected["status"].as_str().unwrap_or_default();
    let waits = wanted.starts_with("NOT_TERMINAL") && outcome.status == "RUNNING";
    if wanted != outcome.status && !waits {
        let Outcome { status, error, cause, .. } = outcome;
        return Some(format!("status: expected {wanted}, found {status}: {error}: {cause}"));
    }
    if let Some(output) = expected.get("output")
        && let Some(found) = difference(output, &outcome.output)
    {
        return Some(format!("output: {found}"));
    }
    let same_text = |name: &str, found: &Value| match expected.get(name) {
        Some(wanted) => difference(wanted, found).map(|found| format!("{name}: {found}")),
        None if found.is_null() => None,
        None => Some(format!("{name}: expected nothing, found {found}")),
    };
    if outcome.status != "TIMED_OUT" {
        if let Some(reason) = same_text("error", &outcome.error) {
            return Some(reason);
        }
        if level >= 2
            && let Some(reason) = same_text("cause", &outcome.cause)
        {
            return Some(reason);
        }
    }
    let history = case["expected_history"].as_array().filter(|_| level >= 3)?;
    compare_history(history, outcome.events.as_deref()?, level)
}

/// The events of parallel branches were recorded in no particular order and without numbers.
fn is_unordered(event: &Value) -> bool {
    !event["id"].is_u64()
}

fn compare_history(expected: &[Value], actual: &[Value], level: u8) -> Option<String> {
    let unordered = expected.iter().any(is_unordered);
    // Recordings of several branches leave out how the Parallel itself ended.
    let left_out = |event: &Value| {
        let name = event["type"].as_str().unwrap_or_default();
        unordered
            && matches!(name, "ParallelStateSucceeded" | "ParallelStateFailed")
            && !expected.iter().any(|wanted| wanted["type"] == event["type"])
    };
    let mut actual: Vec<Value> = actual.iter().filter(|event| !left_out(event)).cloned().collect();
    if expected.len() != actual.len() {
        return Some(format!("history: expected {}, found {}", types(expected), types(&actual)));
    }
    if unordered {
        align(expected, &mut actual);
    }
    for (wanted, found) in expected.iter().zip(&actual) {
        if wanted["type"] != found["type"] {
            return Some(format!("history: expected {}, found {}", types(expected), types(&actual)));
        }
    }
    if level < 4 {
        return None;
    }
    expected.iter().zip(&actual).enumerate().find_map(|(index, (wanted, found))| {
        event_difference(wanted, found)
            .map(|reason| format!("event {} {}: {reason}", index + 1, wanted["type"]))
    })
}

fn event_difference(wanted: &Value, found: &Value) -> Option<String> {
    let (mut wanted, mut found) = (wanted.clone(), found.clone());
    for event in [&mut wanted, &mut found] {
        if let Some(members) = event.as_object_mut() {
            members.remove("timestamp");
        }
    }
    if is_unordered(&wanted) {
        for event in [&mut wanted, &mut found] {
            if let Some(members) = event.as_object_mut() {
                members.remove("id");
                members.remove("previousEventId");
            }
        }
    }
    difference(&wanted, &found)
}

/// Puts the events that were recorded without numbers in the recorded order, each run of them by itself.
fn align(expected: &[Value], actual: &mut [Value]) {
    let mut start = 0;
    while start < expected.len() {
        let end = expected[start..]
            .iter()
            .position(|event| !is_unordered(event))
            .map_or(expected.len(), |at| start + at);
        if end == start {
            start += 1;
            continue;
        }
        for (slot, wanted) in expected.iter().enumerate().take(end).skip(start) {
            let fits =
                |found: &Value| found["type"] == wanted["type"] && event_difference(wanted, found).is_none();
            let found = (slot..end)
                .find(|at| fits(&actual[*at]))
                .or_else(|| (slot..end).find(|at| actual[*at]["type"] == wanted["type"]));
            if let Some(found) = found {
                actual.swap(slot, found);
            }
        }
        start = end;
    }
}

fn types(events: &[Value]) -> String {
    let names: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    names.join(" ")
}
