//! Starting executions.

use std::sync::Arc;

use serde_json::json;
use toss_asl::{Payload, Status};
use toss_local_protocol::ServiceError;

use crate::{
    catalogue::{MachineKind, Revision, Route},
    core::Core,
    names::Named,
    record::Origin,
    run::{Launch, Launched},
    tasks::random_uuid,
};

use super::{
    Answer,
    errors::{internal, invalid_arn, no_machine, no_resource, validation, wrong_kind},
    input::{Checks, Input, check_name},
    seconds,
};

/// The largest input, in bytes.
const LARGEST_INPUT: usize = 262_144;

/// What an ARN that can be started stands for.
struct Target {
    machine: Arc<str>,
    kind: MachineKind,
    revision: Arc<Revision>,
    version: Option<u32>,
    alias: Option<Arc<str>>,
}

pub(super) async fn start(core: &Arc<Core>, input: &Input) -> Answer {
    let (arn, name, text) = read(input)?;
    let fresh_name = name.is_none();
    let name = name.map_or_else(random_uuid, str::to_owned);
    let target = resolve(core, arn)?;
    let prepared = prepare(target, &name, text, input.text("traceHeader")?, Origin::Call, true)?;
    let launched = core.launch(Launch { fresh_name, ..prepared }).map_err(internal)?;
    match launched {
        Launched::New(step) => {
            let profile = Arc::clone(&step.slot.profile);
            core.durable(core.carry_on(step)).await.map_err(internal)?;
            Ok(json!({ "executionArn": core.arn_of(&profile), "startDate": seconds(profile.started) }))
        }
        Launched::Existing(key) => {
            let slot = core.slot(key).map_err(internal)?.ok_or_else(|| already_exists(core, arn, &name))?;
            let (running, position) = {
                let state = slot.lock();
                (state.standing.status == Status::Running, state.position)
            };
            if !running || slot.profile.input.text() != text {
                return Err(already_exists(core, arn, &name));
            }
            core.durable(position).await.map_err(internal)?;
            let profile = &slot.profile;
            Ok(json!({ "executionArn": core.arn_of(profile), "startDate": seconds(profile.started) }))
        }
    }
}

pub(super) async fn start_sync(core: &Arc<Core>, input: &Input) -> Answer {
    let (arn, name, text) = read(input)?;
    let target = resolve(core, arn)?;
    if target.kind != MachineKind::Express {
        return Err(ServiceError::client(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        ));
    }
    let name = name.map_or_else(random_uuid, str::to_owned);
    let launch = prepare(target, &name, text, input.text("traceHeader")?, Origin::Call, false)?;
    let launched = core.launch(launch).map_err(internal)?;
    let Launched::New(step) = launched else { return Err(ServiceError::internal()) };
    let slot = Arc::clone(&step.slot);
    let (sender, ended) = tokio::sync::oneshot::channel();
    slot.lock().ended.push(sender);
    core.carry_on(step);
    ended.await.map_err(|_| ServiceError::internal())?;
    let profile = &slot.profile;
    let state = slot.lock();
    let standing = &state.standing;
    let stopped = standing.stopped.unwrap_or(profile.started);
    let duration = (stopped - profile.started).max(1);
    let mut answer = json!({
        "executionArn": core.arn_of(profile),
        "stateMachineArn": core.names.machine(&profile.machine),
        "name": profile.name,
        "startDate": seconds(profile.started),
        "stopDate": seconds(stopped),
        "status": standing.status.name(),
        "input": profile.input.text(),
        "inputDetails": { "included": true },
        // AWS bills Express executions by steps of 100 ms and of 64 MB.
        "billingDetails": {
            "billedDurationInMilliseconds": (duration + 99) / 100 * 100,
            "billedMemoryUsedInMB": 64,
        },
    });
    if let Some(trace) = &profile.trace {
        answer["traceHeader"] = json!(trace);
    }
    super::executions::add_end(&mut answer, standing);
    Ok(answer)
}

fn read(input: &Input) -> Result<(&str, Option<&str>, &str), ServiceError> {
    let (arn, name, text) = (input.text("stateMachineArn")?, input.text("name")?, input.text("input")?);
    Checks::new()
        .required("stateMachineArn", arn)
        .length("stateMachineArn", arn, 1, 256)
        .length("name", name, 1, 80)
        .finish()?;
    Ok((arn.unwrap_or_default(), name, text.unwrap_or("{}")))
}

/// Starts an execution of what the ARN stands for.
pub(crate) fn launch(
    core: &Arc<Core>,
    arn: &str,
    name: &str,
    input: &str,
    trace: Option<&str>,
    origin: Origin,
) -> Result<Launched, ServiceError> {
    let target = resolve(core, arn)?;
    let launch = prepare(target, name, input, trace, origin, true)?;
    core.launch(launch).map_err(internal)
}

/// The error for a name that is taken.
pub(crate) fn already_exists(core: &Core, arn: &str, name: &str) -> ServiceError {
    let machine = match core.names.parse(arn) {
        Ok(Named::Machine(machine) | Named::Version(machine, _) | Named::Alias(machine, _)) => machine,
        _ => String::new(),
    };
    let arn = core.names.execution(&machine, name);
    ServiceError::client("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
}

fn prepare(
    target: Target,
    name: &str,
    input: &str,
    trace: Option<&str>,
    origin: Origin,
    durable: bool,
) -> Result<Launch, ServiceError> {
    check_name(name)?;
    if input.len() > LARGEST_INPUT {
        return Err(validation(format!(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to {LARGEST_INPUT}"
        )));
    }
    let input = Payload::parse(input).map_err(|error| {
        let message = format!("Invalid State Machine Execution Input: '{error}'");
        ServiceError::client("InvalidExecutionInput", message)
    })?;
    Ok(Launch {
        machine: target.machine,
        revision: target.revision,
        version: target.version,
        alias: target.alias,
        express: target.kind == MachineKind::Express,
        name: name.into(),
        input,
        trace: trace.map(Into::into),
        origin,
        fresh_name: false,
        durable,
    })
}

fn resolve(core: &Core, arn: &str) -> Result<Target, ServiceError> {
    let named = core.names.parse(arn).map_err(invalid_arn)?;
    let catalogue = core.catalogue();
    let (name, version, alias) = match named {
        Named::Machine(name) => (name, None, None),
        Named::Version(name, version) => (name, Some(version), None),
        Named::Alias(name, alias) => {
            let machine = catalogue.machines.get(name.as_str()).ok_or_else(|| no_machine(arn))?;
            let found = machine.aliases.get(&alias).ok_or_else(|| no_resource(arn))?;
            let version = choose(&found.routes, rand::random_range(0..100));
            (name, version, Some(alias))
        }
        _ => return Err(wrong_kind(arn)),
    };
    let machine = catalogue.machines.get(name.as_str()).ok_or_else(|| no_machine(arn))?;
    let revision = match version {
        Some(version) => {
            let published = machine.versions.get(&version).ok_or_else(|| no_machine(arn))?;
            catalogue.revisions.get(&published.revision).cloned()
        }
        None => catalogue.current(machine),
    };
    Ok(Target {
        machine: Arc::clone(&machine.name),
        kind: machine.kind,
        revision: revision.ok_or_else(|| no_machine(arn))?,
        version,
        alias: alias.map(Into::into),
    })
}

/// The version whose share of the hundred holds the number.
fn choose(routes: &[Route], number: u32) -> Option<u32> {
    let mut sum = 0;
    for route in routes {
        sum += route.weight;
        if number < sum {
            return Some(route.version);
        }
    }
    routes.last().map(|route| route.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_divides_a_hundred_by_weight() {
        let routes = [Route { version: 1, weight: 90 }, Route { version: 2, weight: 10 }];
        let second = (0..100).filter(|number| choose(&routes, *number) == Some(2)).count();
        assert_eq!(second, 10);
    }
}
