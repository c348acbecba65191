//! Runs of distributed Maps.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::{MapRunId, Status, Stimulus};
use toss_local_protocol::ServiceError;

use crate::{archive::Filter, core::Core, record::MapRun};

use super::{
    Answer,
    errors::{internal, no_resource, validation},
    executions,
    input::Input,
    pages, seconds,
};

pub(super) async fn describe(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("mapRunArn", 2000)?;
    let (found, run) = find(core, arn).await?;
    core.durable(found.position).await.map_err(internal)?;
    let running = run.begun.saturating_sub(run.succeeded + run.failed + run.aborted);
    let pending = run.children.saturating_sub(run.begun);
    let counts = |total: u64, scale: u64| {
        json!({
            "pending": u64::from(pending) * scale, "running": u64::from(running) * scale,
            "succeeded": u64::from(run.succeeded) * scale, "failed": u64::from(run.failed) * scale,
            "timedOut": 0, "aborted": u64::from(run.aborted) * scale, "total": total,
            "resultsWritten": 0, "failuresNotRedrivable": 0, "pendingRedrive": 0,
        })
    };
    // Children hold as many items each, but for the last batch.
    let batch = run.items.div_ceil(u64::from(run.children).max(1)).max(1);
    let mut answer = json!({
        "mapRunArn": arn,
        "executionArn": core.arn_of(&found.profile),
        "status": run.status.name(),
        "startDate": seconds(run.started),
        "maxConcurrency": run.max_concurrency,
        "toleratedFailureCount": run.tolerated_count,
        "toleratedFailurePercentage": run.tolerated_percentage,
        "itemCounts": counts(run.items, batch),
        "executionCounts": counts(u64::from(run.children), 1),
        "redriveCount": 0,
    });
    if let Some(stopped) = run.stopped {
        answer["stopDate"] = seconds(stopped);
    }
    Ok(answer)
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let limit = input.max_results()?;
    let place = pages::place(input.text("nextToken")?)?;
    let found = executions::find(core, arn)?;
    let lines: Vec<(String, Value)> = found
        .standing
        .map_runs
        .iter()
        .map(|run| {
            let mut line = json!({
                "mapRunArn": run.arn,
                "executionArn": arn,
                "stateMachineArn": core.names.machine(&format!("{}/{}", found.profile.machine, run.label)),
                "startDate": seconds(run.started),
            });
            if let Some(stopped) = run.stopped {
                line["stopDate"] = seconds(stopped);
            }
            (format!("{:010}", run.run), line)
        })
        .collect();
    let named = lines.iter().map(|(name, line)| (name.as_str(), line.clone()));
    let (page, next) = pages::after(named, place.as_deref(), limit);
    let mut answer = json!({ "mapRuns": page });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

pub(super) async fn update(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("mapRunArn", 2000)?;
    let whole = |name: &str| -> Result<Option<u64>, ServiceError> {
        match input.number(name)? {
            Some(number) if number < 0.0 => Err(validation(format!("{name} cannot be negative."))),
            number => Ok(number.map(|number| number as u64)),
        }
    };
    let (max_concurrency, tolerated_failure_count) =
        (whole("maxConcurrency")?, whole("toleratedFailureCount")?);
    let tolerated_failure_percentage = input.number("toleratedFailurePercentage")?;
    let (found, run) = find(core, arn).await?;
    if run.status != Status::Running {
        return Err(validation("Map Run is not running."));
    }
    if let Some(slot) = core.open_slot(found.profile.key).map_err(internal)? {
        let stimulus = Stimulus::UpdateMapRun {
            run: MapRunId(run.run),
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
        };
        if let Some(step) = core.stimulate(&slot, stimulus).map_err(internal)? {
            core.durable(core.carry_on(step)).await.map_err(internal)?;
        }
    }
    Ok(json!({}))
}

/// The run and its execution. A run's ARN names the state machine and a label; the execution is found by one
/// of the run's children, or among those in memory.
async fn find(core: &Arc<Core>, arn: &str) -> Result<(executions::Found, MapRun), ServiceError> {
    for slot in core.executions.all() {
        let run = slot.lock().standing.map_runs.iter().find(|run| &*run.arn == arn).cloned();
        if let Some(run) = run
            && let Some(found) = executions::find_key(core, slot.profile.key)?
        {
            return Ok((found, run));
        }
    }
    let filter = Filter { map_run: Some(arn.to_owned()), limit: 1, ..Filter::default() };
    let children = core.archive.list(&filter).map_err(internal)?;
    let child = children.first().ok_or_else(|| no_resource(arn))?;
    let child = executions::find_key(core, child.key)?.ok_or_else(|| no_resource(arn))?;
    let crate::record::Origin::Map { parent, .. } = child.profile.origin else {
        return Err(no_resource(arn));
    };
    let found = executions::find_key(core, parent)?.ok_or_else(|| no_resource(arn))?;
    let run = found.standing.map_runs.iter().find(|run| &*run.arn == arn).cloned();
    run.map(|run| (found, run)).ok_or_else(|| no_resource(arn))
}
