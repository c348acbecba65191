//! Versions of state machines.

use std::sync::Arc;

use serde_json::json;

use crate::{catalogue::Change, core::Core, names::Named};

use super::{
    Answer,
    errors::{conflict, internal, invalid_arn, no_machine, wrong_kind},
    input::Input,
    machines::{add_version, change, find, machine_name},
    pages, seconds,
};

pub(super) async fn publish(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 256)?;
    let description = input.optional("description", 256)?.unwrap_or_default();
    let expected = input.optional("revisionId", 256)?;
    let name = machine_name(core, arn)?;
    let (number, created, position) = {
        let mut catalogue = core.catalogue_mut();
        let mut machine = find(&catalogue, &name, arn)?.as_ref().clone();
        let current = catalogue.current(&machine).ok_or_else(|| no_machine(arn))?;
        if expected.is_some_and(|expected| expected != &*current.record.label) {
            return Err(conflict(format!(
                "Failed to publish the State Machine version for revision {}. The current State Machine revision is {}.",
                expected.unwrap_or_default(),
                current.record.label
            )));
        }
        let number = add_version(&mut machine, description, core.now());
        let created = machine.versions.get(&number).map_or(0, |version| version.created);
        let position = change(core, &mut catalogue, Change::Machine(machine))?;
        (number, created, position)
    };
    core.durable(position).await.map_err(internal)?;
    let arn = core.names.version(&name, number);
    Ok(json!({ "stateMachineVersionArn": arn, "creationDate": seconds(created) }))
}

pub(super) async fn delete(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineVersionArn", 2000)?;
    let Named::Version(name, number) = core.names.parse(arn).map_err(invalid_arn)? else {
        return Err(wrong_kind(arn));
    };
    let position = {
        let mut catalogue = core.catalogue_mut();
        let Some(machine) = catalogue.machines.get(name.as_str()).cloned() else {
            return Ok(json!({}));
        };
        let aliases: Vec<String> = machine
            .aliases
            .iter()
            .filter(|(_, alias)| alias.routes.iter().any(|route| route.version == number))
            .map(|(alias, _)| alias.clone())
            .collect();
        if !aliases.is_empty() {
            return Err(conflict(format!(
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [{}]",
                aliases.join(", ")
            )));
        }
        let mut machine = machine.as_ref().clone();
        machine.versions.remove(&number);
        change(core, &mut catalogue, Change::Machine(machine))?
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({}))
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 256)?;
    let limit = input.max_results()?;
    let place = pages::place(input.text("nextToken")?)?;
    let name = machine_name(core, arn)?;
    let catalogue = core.catalogue();
    let machine = find(&catalogue, &name, arn)?;
    // The newest first: names that sort the other way round make the page.
    let lines: Vec<(String, serde_json::Value)> = machine
        .versions
        .iter()
        .rev()
        .map(|(number, version)| {
            let arn = core.names.version(&name, *number);
            let line = json!({ "stateMachineVersionArn": arn, "creationDate": seconds(version.created) });
            (format!("{:010}", u32::MAX - number), line)
        })
        .collect();
    let named = lines.iter().map(|(name, line)| (name.as_str(), line.clone()));
    let (page, next) = pages::after(named, place.as_deref(), limit);
    let mut answer = json!({ "stateMachineVersions": page });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}
