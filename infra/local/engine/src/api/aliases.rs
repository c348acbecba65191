//! Aliases of state machines.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::{
    catalogue::{Alias, Change, Route, StateMachine},
    core::Core,
    names::Named,
};

use super::{
    Answer,
    errors::{conflict, internal, invalid_arn, no_resource, validation, wrong_kind},
    input::{Input, check_name},
    machines::{change, find, machine_name},
    pages, seconds,
};

pub(super) async fn create(core: &Arc<Core>, input: &Input) -> Answer {
    let alias = input.required("name", 80)?;
    check_name(alias)?;
    if alias.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(validation(format!(
            "1 validation error detected: Value '{alias}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$"
        )));
    }
    let description = input.text("description")?.unwrap_or_default().to_owned();
    let (name, routes) = routes(core, input)?.ok_or_else(|| {
        validation("1 validation error detected: Value null at 'routingConfiguration' failed to satisfy constraint: Member must not be null")
    })?;
    let now = core.now();
    let arn = core.names.alias(&name, alias);
    let (created, position) = {
        let mut catalogue = core.catalogue_mut();
        let mut machine = find(&catalogue, &name, &core.names.machine(&name))?.as_ref().clone();
        check_versions(core, &machine, &routes)?;
        if let Some(existing) = machine.aliases.get(alias) {
            if existing.routes != routes || existing.description != description {
                return Err(conflict(
                    "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
                ));
            }
            (existing.created, catalogue.position)
        } else {
            machine
                .aliases
                .insert(alias.to_owned(), Alias { description, routes, created: now, updated: now });
            (now, change(core, &mut catalogue, Change::Machine(machine))?)
        }
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({ "stateMachineAliasArn": arn, "creationDate": seconds(created) }))
}

pub(super) async fn update(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineAliasArn", 256)?;
    let (name, alias) = alias_of(core, arn)?;
    let description = input.text("description")?.map(str::to_owned);
    let routes = routes(core, input)?;
    let now = core.now();
    let position = {
        let mut catalogue = core.catalogue_mut();
        let found = catalogue.machines.get(name.as_str()).ok_or_else(|| no_resource(arn))?;
        let mut machine = found.as_ref().clone();
        if let Some((of, routes)) = &routes {
            if *of != name {
                return Err(validation(
                    "The routing configuration must name versions of the alias's state machine.",
                ));
            }
            check_versions(core, &machine, routes)?;
        }
        let alias = machine.aliases.get_mut(&alias).ok_or_else(|| no_resource(arn))?;
        alias.description = description.unwrap_or_else(|| alias.description.clone());
        alias.updated = now;
        if let Some((_, routes)) = routes {
            alias.routes = routes;
        }
        change(core, &mut catalogue, Change::Machine(machine))?
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({ "updateDate": seconds(now) }))
}

pub(super) async fn delete(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineAliasArn", 256)?;
    let (name, alias) = alias_of(core, arn)?;
    let position = {
        let mut catalogue = core.catalogue_mut();
        let found = catalogue.machines.get(name.as_str()).ok_or_else(|| no_resource(arn))?;
        let mut machine = found.as_ref().clone();
        machine.aliases.remove(&alias).ok_or_else(|| no_resource(arn))?;
        change(core, &mut catalogue, Change::Machine(machine))?
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({}))
}

pub(super) async fn describe(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineAliasArn", 256)?;
    let (name, alias_name) = alias_of(core, arn)?;
    let catalogue = core.catalogue();
    let machine = catalogue.machines.get(name.as_str()).ok_or_else(|| no_resource(arn))?;
    let alias = machine.aliases.get(&alias_name).ok_or_else(|| no_resource(arn))?;
    let routes: Vec<Value> = alias
        .routes
        .iter()
        .map(|route| {
            json!({
                "stateMachineVersionArn": core.names.version(&name, route.version),
                "weight": route.weight,
            })
        })
        .collect();
    Ok(json!({
        "stateMachineAliasArn": arn,
        "name": alias_name,
        "description": alias.description,
        "routingConfiguration": routes,
        "creationDate": seconds(alias.created),
        "updateDate": seconds(alias.updated),
    }))
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 256)?;
    let limit = input.max_results()?;
    let place = pages::place(input.text("nextToken")?)?;
    let (name, version) = match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Machine(name) => (name, None),
        Named::Version(name, version) => (name, Some(version)),
        _ => return Err(wrong_kind(arn)),
    };
    let catalogue = core.catalogue();
    let machine = find(&catalogue, &name, arn)?;
    let lines = machine
        .aliases
        .iter()
        .filter(|(_, alias)| {
            version.is_none_or(|version| alias.routes.iter().any(|route| route.version == version))
        })
        .map(|(alias_name, alias)| {
            let arn = core.names.alias(&name, alias_name);
            (
                alias_name.as_str(),
                json!({ "stateMachineAliasArn": arn, "creationDate": seconds(alias.created) }),
            )
        });
    let (page, next) = pages::after(lines, place.as_deref(), limit);
    let mut answer = json!({ "stateMachineAliases": page });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn alias_of(core: &Core, arn: &str) -> Result<(String, String), ServiceError> {
    match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Alias(machine, alias) => Ok((machine, alias)),
        _ => Err(wrong_kind(arn)),
    }
}

/// The routing configuration and the machine whose versions it names.
fn routes(core: &Core, input: &Input) -> Result<Option<(String, Vec<Route>)>, ServiceError> {
    let Some(items) = input.array("routingConfiguration")? else { return Ok(None) };
    if items.is_empty() || items.len() > 2 {
        return Err(validation(
            "1 validation error detected: Value at 'routingConfiguration' failed to satisfy constraint: Member must have length between 1 and 2",
        ));
    }
    let mut machine = None;
    let mut routes = Vec::new();
    for item in items {
        let arn = item.get("stateMachineVersionArn").and_then(Value::as_str).unwrap_or_default();
        let weight = item.get("weight").and_then(Value::as_u64).filter(|weight| *weight <= 100);
        let weight = weight.ok_or_else(|| validation("A weight must be a number from 0 to 100."))?;
        let Named::Version(name, version) = core.names.parse(arn).map_err(invalid_arn)? else {
            return Err(wrong_kind(arn));
        };
        if machine.get_or_insert_with(|| name.clone()) != &name {
            return Err(validation("The routing configuration must name versions of one state machine."));
        }
        machine_name(core, &core.names.machine(&name))?;
        routes.push(Route { version, weight: weight as u32 });
    }
    if routes.iter().map(|route| route.weight).sum::<u32>() != 100 {
        return Err(validation("Sum of routing configuration weights must equal 100."));
    }
    if routes.len() == 2 && routes[0].version == routes[1].version {
        return Err(validation("Routing configuration must contain distinct state machine version ARNs."));
    }
    Ok(machine.map(|machine| (machine, routes)))
}

fn check_versions(core: &Core, machine: &StateMachine, routes: &[Route]) -> Result<(), ServiceError> {
    match routes.iter().find(|route| !machine.versions.contains_key(&route.version)) {
        Some(route) => Err(no_resource(&core.names.version(&machine.name, route.version))),
        None => Ok(()),
    }
}
