//! Answers to task tokens.

use std::sync::Arc;

use serde_json::json;
use toss_asl::{Failure, Payload, Stimulus, TaskId, token};
use toss_local_protocol::ServiceError;

use crate::{core::Core, executions::Slot};

use super::{
    Answer,
    errors::{internal, invalid_token, validation},
    input::{Checks, Input},
};

const LONGEST_TOKEN: usize = 2048;

pub(super) async fn success(core: &Arc<Core>, input: &Input) -> Answer {
    let (given, output) = (input.text("taskToken")?, input.text("output")?);
    Checks::new()
        .required("taskToken", given)
        .length("taskToken", given, 1, LONGEST_TOKEN)
        .required("output", output)
        .finish()?;
    let output = output.unwrap_or_default();
    if output.len() > 262_144 {
        return Err(validation(
            "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have length less than or equal to 262144",
        ));
    }
    let output = Payload::parse(output)
        .map_err(|error| ServiceError::client("InvalidOutput", format!("Invalid Output: '{error}'")))?;
    answer(core, given.unwrap_or_default(), |task| Stimulus::TaskSucceeded { task, output }).await
}

pub(super) async fn failure(core: &Arc<Core>, input: &Input) -> Answer {
    let (given, error, cause) = (input.text("taskToken")?, input.text("error")?, input.text("cause")?);
    Checks::new()
        .required("taskToken", given)
        .length("taskToken", given, 1, LONGEST_TOKEN)
        .length("error", error, 0, 256)
        .length("cause", cause, 0, 32768)
        .finish()?;
    let failure = Failure { error: error.map(Into::into), cause: cause.map(Into::into) };
    answer(core, given.unwrap_or_default(), |task| Stimulus::TaskFailed { task, failure }).await
}

pub(super) async fn heartbeat(core: &Arc<Core>, input: &Input) -> Answer {
    let given = input.required("taskToken", LONGEST_TOKEN)?;
    answer(core, given, |task| Stimulus::Heartbeat { task }).await
}

async fn answer(core: &Arc<Core>, given: &str, stimulus: impl FnOnce(TaskId) -> Stimulus) -> Answer {
    let (key, _) = token::route(given).ok_or_else(invalid_token)?;
    let slot = core.open_slot(key).map_err(internal)?.ok_or_else(timed_out)?;
    let task = holder(core, &slot, given)?;
    let step = core.stimulate(&slot, stimulus(task)).map_err(internal)?.ok_or_else(timed_out)?;
    core.durable(core.carry_on(step)).await.map_err(internal)?;
    Ok(json!({}))
}

fn holder(core: &Core, slot: &Slot, given: &str) -> Result<TaskId, ServiceError> {
    let mut state = slot.lock();
    let execution = state.live(|| core.machine_of(&slot.profile)).map_err(internal)?;
    execution.and_then(|execution| execution.holds_token(given)).ok_or_else(timed_out)
}

fn timed_out() -> ServiceError {
    ServiceError::client("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}
