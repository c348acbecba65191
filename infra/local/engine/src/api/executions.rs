//! Executions: describing, listing, stopping, redriving.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::{Failure, Status, Stimulus};
use toss_local_protocol::ServiceError;

use crate::{
    archive::{Filter, Listed},
    catalogue::MachineKind,
    core::Core,
    executions::Slot,
    names::Named,
    outbox::redrive_status,
    record::{Origin, Profile, Standing},
};

use super::{
    Answer,
    errors::{
        internal, invalid_arn, invalid_token, no_execution, no_machine, no_resource, validation, wrong_kind,
    },
    input::{Checks, Input},
    pages, seconds,
};

/// An execution as it stands, in memory or in the archive.
pub(super) struct Found {
    pub(super) profile: Arc<Profile>,
    pub(super) standing: Standing,
    /// Records below this position must be on disk before anyone is told.
    pub(super) position: u64,
    pub(super) slot: Option<Arc<Slot>>,
}

/// Finds the execution with this ARN.
pub(super) fn find(core: &Core, arn: &str) -> Result<Found, ServiceError> {
    let (machine, name) = match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Execution(machine, name) => (machine, name),
        Named::Express(..) => {
            return Err(invalid_arn("Invalid Arn: 'Resource type not valid in this context: express'"));
        }
        _ => return Err(wrong_kind(arn)),
    };
    let key = core.key_of(&machine, &name).map_err(internal)?.ok_or_else(|| no_execution(arn))?;
    find_key(core, key)?.ok_or_else(|| no_execution(arn))
}

/// Finds the execution with this key.
pub(super) fn find_key(core: &Core, key: u64) -> Result<Option<Found>, ServiceError> {
    let in_memory = core.executions.shard(key).get(&key).cloned();
    if let Some(slot) = in_memory {
        let state = slot.lock();
        let (standing, position) = (state.standing.clone(), state.position);
        drop(state);
        return Ok(Some(Found { profile: Arc::clone(&slot.profile), standing, position, slot: Some(slot) }));
    }
    let stored = core.archive.execution(key).map_err(internal)?;
    if stored.is_none() {
        // Between the two looks it may have been brought into memory by someone else.
        let slot = core.slot(key).map_err(internal)?;
        return Ok(slot.map(|slot| {
            let state = slot.lock();
            let (standing, position) = (state.standing.clone(), state.position);
            drop(state);
            Found { profile: Arc::clone(&slot.profile), standing, position, slot: Some(slot) }
        }));
    }
    Ok(stored.map(|stored| Found {
        profile: stored.profile,
        standing: stored.standing,
        position: stored.position,
        slot: None,
    }))
}

/// Waits for the end of an execution.
pub(crate) async fn ended(core: &Arc<Core>, arn: &str) -> Result<(), ServiceError> {
    let found = find(core, arn)?;
    if let Some(slot) = core.open_slot(found.profile.key).map_err(internal)? {
        let (sender, ended) = tokio::sync::oneshot::channel();
        {
            let mut state = slot.lock();
            if state.standing.status == Status::Running {
                state.ended.push(sender);
            }
        }
        drop(slot);
        // An error means that it had ended before the sender was left there.
        ended.await.ok();
    }
    let found = find(core, arn)?;
    core.durable(found.position).await.map_err(internal)
}

pub(super) async fn describe(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let found = find(core, arn)?;
    core.durable(found.position).await.map_err(internal)?;
    let (profile, standing) = (&*found.profile, &found.standing);
    let mut answer = json!({
        "executionArn": arn,
        "stateMachineArn": core.names.machine(&profile.machine),
        "name": profile.name,
        "status": standing.status.name(),
        "startDate": seconds(profile.started),
        "input": profile.input.text(),
        "inputDetails": { "included": true },
        "redriveCount": standing.redrives,
    });
    if let Some(stopped) = standing.stopped {
        answer["stopDate"] = seconds(stopped);
    }
    let (status, reason) = redrive_status(profile, standing);
    answer["redriveStatus"] = json!(status);
    if let Some(reason) = reason {
        answer["redriveStatusReason"] = json!(reason);
    }
    if let Some(redriven) = standing.redriven {
        answer["redriveDate"] = seconds(redriven);
    }
    if let Some(trace) = &profile.trace {
        answer["traceHeader"] = json!(trace);
    }
    if let Some(version) = profile.version {
        answer["stateMachineVersionArn"] = json!(core.names.version(&profile.machine, version));
    }
    if let Some(alias) = &profile.alias {
        answer["stateMachineAliasArn"] = json!(core.names.alias(&profile.machine, alias));
    }
    if let Origin::Map { map_run, .. } = &profile.origin {
        answer["mapRunArn"] = json!(map_run);
    }
    add_end(&mut answer, standing);
    Ok(answer)
}

/// Adds output, error and cause.
pub(super) fn add_end(answer: &mut Value, standing: &Standing) {
    if let Some(output) = &standing.output {
        answer["output"] = json!(output.text());
        answer["outputDetails"] = json!({ "included": true });
    }
    if let Some(error) = &standing.failure.error {
        answer["error"] = json!(error);
    }
    if let Some(cause) = &standing.failure.cause {
        answer["cause"] = json!(cause);
    }
}

pub(super) async fn stop(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let (error, cause) = (input.text("error")?, input.text("cause")?);
    Checks::new().length("error", error, 0, 256).length("cause", cause, 0, 32768).finish()?;
    let found = find(core, arn)?;
    let mut stopped = found.standing.stopped;
    let mut position = found.position;
    if let Some(slot) = core.open_slot(found.profile.key).map_err(internal)? {
        let failure = Failure { error: error.map(Into::into), cause: cause.map(Into::into) };
        if let Some(step) = core.stimulate(&slot, Stimulus::Stop(failure)).map_err(internal)? {
            position = core.carry_on(step);
        }
        stopped = slot.lock().standing.stopped;
    }
    core.durable(position).await.map_err(internal)?;
    Ok(json!({ "stopDate": seconds(stopped.unwrap_or_else(|| core.now())) }))
}

pub(super) async fn redrive(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let found = find(core, arn)?;
    let refused = || {
        let message = format!("Execution is not redrivable: '{arn}'");
        ServiceError::client("ExecutionNotRedrivable", message)
    };
    if let (_, Some(reason)) = redrive_status(&found.profile, &found.standing) {
        return Err(ServiceError::client("ExecutionNotRedrivable", reason));
    }
    let slot = core.slot(found.profile.key).map_err(internal)?.ok_or_else(|| no_execution(arn))?;
    let step = core.stimulate(&slot, Stimulus::Redrive).map_err(internal)?.ok_or_else(refused)?;
    let redriven = slot.lock().standing.redriven;
    core.durable(core.carry_on(step)).await.map_err(internal)?;
    Ok(json!({ "redriveDate": seconds(redriven.unwrap_or_else(|| core.now())) }))
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let (machine, map_run) = (input.optional("stateMachineArn", 256)?, input.optional("mapRunArn", 2000)?);
    let status = input.text("statusFilter")?;
    let redrive = input.text("redriveFilter")?;
    const STATUSES: [&str; 6] = ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"];
    Checks::new()
        .one_of("statusFilter", status, &STATUSES)
        .one_of("redriveFilter", redrive, &["REDRIVEN", "NOT_REDRIVEN"])
        .finish()?;
    let mut filter = Filter {
        status: status.map(str::to_owned),
        redriven: redrive.map(|redrive| redrive == "REDRIVEN"),
        limit: input.max_results()? + 1,
        ..Filter::default()
    };
    match (machine, map_run) {
        (Some(arn), None) => by_machine(core, arn, &mut filter)?,
        (None, Some(arn)) => {
            if !matches!(core.names.parse(arn), Ok(Named::MapRun(_))) {
                return Err(wrong_kind(arn));
            }
            filter.map_run = Some(arn.to_owned());
        }
        _ => return Err(validation("Must specify either a stateMachineArn or a mapRunArn")),
    }
    if let Some(place) = pages::place(input.text("nextToken")?)? {
        let (started, key) = place.split_once(':').ok_or_else(invalid_token)?;
        let place = started.parse().ok().zip(key.parse().ok());
        filter.after = Some(place.ok_or_else(invalid_token)?);
    }
    let core = Arc::clone(core);
    // The archive lists; it is brought up to date first, which may wait for the disk.
    let listed = tokio::task::spawn_blocking(move || {
        core.keeper.publish();
        core.archive.list(&filter).map(|lines| (core, lines, filter.limit - 1))
    });
    let (core, mut lines, limit) = listed.await.map_err(|_| ServiceError::internal())?.map_err(internal)?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next =
        lines.last().filter(|_| more).map(|last| pages::token(&format!("{}:{}", last.started, last.key)));
    let executions: Vec<Value> = lines.iter().map(|line| line_json(&core, line)).collect();
    let mut answer = json!({ "executions": executions });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn by_machine(core: &Core, arn: &str, filter: &mut Filter) -> Result<(), ServiceError> {
    let catalogue = core.catalogue();
    let named = core.names.parse(arn).map_err(invalid_arn)?;
    let (Named::Machine(name) | Named::Version(name, _) | Named::Alias(name, _)) = &named else {
        return Err(wrong_kind(arn));
    };
    let machine = catalogue.machines.get(name.as_str()).ok_or_else(|| no_machine(arn))?;
    if machine.kind == MachineKind::Express {
        return Err(ServiceError::client(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        ));
    }
    match &named {
        Named::Version(_, version) => {
            if !machine.versions.contains_key(version) {
                return Err(no_machine(arn));
            }
            filter.version = Some(version.to_string());
        }
        Named::Alias(_, alias) => {
            if !machine.aliases.contains_key(alias) {
                return Err(no_resource(arn));
            }
            filter.alias = Some(alias.clone());
        }
        _ => {}
    }
    filter.machine = Some(name.clone());
    Ok(())
}

fn line_json(core: &Core, line: &Listed) -> Value {
    let mut json = json!({
        "executionArn": core.names.execution(&line.machine, &line.name),
        "stateMachineArn": core.names.machine(&line.machine),
        "name": line.name,
        "status": line.status,
        "startDate": seconds(line.started),
        "redriveCount": line.redrives,
    });
    if let Some(stopped) = line.stopped {
        json["stopDate"] = seconds(stopped);
    }
    if let Some(redriven) = line.redriven {
        json["redriveDate"] = seconds(redriven);
    }
    if let Some(map_run) = &line.map_run {
        json["mapRunArn"] = json!(map_run);
    }
    if let Some(version) = &line.version {
        json["stateMachineVersionArn"] = json!(core.names.alias(&line.machine, version));
    }
    if let Some(alias) = &line.alias {
        json["stateMachineAliasArn"] = json!(core.names.alias(&line.machine, alias));
    }
    json
}
