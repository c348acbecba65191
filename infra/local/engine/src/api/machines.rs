//! State machines.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use toss_asl::{Machine, MachineType, rejection};
use toss_local_protocol::ServiceError;

use crate::{
    catalogue::{Catalogue, Change, MachineKind, Revision, RevisionRecord, StateMachine, Version},
    codec::encode,
    core::Core,
    names::Named,
    record::Borrowed,
    tasks::random_uuid,
};

use super::{
    Answer,
    errors::{conflict, internal, invalid_arn, no_execution, no_machine, validation, wrong_kind},
    executions,
    input::{Checks, Input, check_name},
    pages, seconds, tags,
};

const LONGEST_DEFINITION: usize = 1_048_576;

pub(super) async fn create(core: &Arc<Core>, input: &Input) -> Answer {
    let (name, definition, role) = (input.text("name")?, input.text("definition")?, input.text("roleArn")?);
    let kind = input.text("type")?;
    let described = input.text("versionDescription")?;
    Checks::new()
        .required("name", name)
        .length("name", name, 1, 80)
        .required("definition", definition)
        .length("definition", definition, 1, LONGEST_DEFINITION)
        .required("roleArn", role)
        .length("roleArn", role, 1, 256)
        .one_of("type", kind, &["STANDARD", "EXPRESS"])
        .length("versionDescription", described, 0, 256)
        .finish()?;
    let (name, definition, role) =
        (name.unwrap_or_default(), definition.unwrap_or_default(), role.unwrap_or_default());
    check_name(name)?;
    check_role(role)?;
    let publish = input.flag("publish")?.unwrap_or(false);
    if described.is_some() && !publish {
        return Err(validation("Version description can only be set when publish is true"));
    }
    let kind = if kind == Some("EXPRESS") { MachineKind::Express } else { MachineKind::Standard };
    let tags = tags::read(input)?;
    check_definition(definition, kind)?;
    check_logging(input)?;
    let arn = core.names.machine(name);
    let (created, position) = {
        let mut catalogue = core.catalogue_mut();
        if let Some(existing) = catalogue.machines.get(name) {
            let same = is_same(&catalogue, existing, input, kind);
            if !same {
                let message = format!("State Machine Already Exists: '{arn}'");
                return Err(ServiceError::client("StateMachineAlreadyExists", message));
            }
            // As AWS answers it: creating the same again is no error. Tags and publish do not count.
            (existing.created, catalogue.position)
        } else {
            let now = core.now();
            let revision = revision(&catalogue, input, "INITIAL", (definition, role), now)?;
            let mut machine = StateMachine {
                name: name.into(),
                kind,
                created: now,
                revision: revision.id,
                versions: BTreeMap::new(),
                next_version: 1,
                aliases: BTreeMap::new(),
                tags,
            };
            if publish {
                add_version(&mut machine, described.unwrap_or_default(), now);
            }
            (now, change(core, &mut catalogue, Change::Revised(machine, revision))?)
        }
    };
    core.durable(position).await.map_err(internal)?;
    let mut answer = json!({ "stateMachineArn": arn, "creationDate": seconds(created) });
    if publish {
        answer["stateMachineVersionArn"] = json!(core.names.version(name, latest_version(core, name)));
    }
    Ok(answer)
}

fn latest_version(core: &Core, name: &str) -> u32 {
    let catalogue = core.catalogue();
    let machine = catalogue.machines.get(name);
    machine.and_then(|machine| machine.versions.keys().next_back().copied()).unwrap_or(1)
}

/// Whether creating would make what is there: everything that a revision holds counts.
fn is_same(catalogue: &Catalogue, existing: &StateMachine, input: &Input, kind: MachineKind) -> bool {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    catalogue.current(existing).is_some_and(|revision| {
        let record = &revision.record;
        existing.kind == kind
            && text("definition") == Some(&record.definition)
            && text("roleArn") == Some(&record.role)
            && input.get("loggingConfiguration").map(Value::to_string) == record.logging
            && is_traced(input) == record.tracing
            && input.get("encryptionConfiguration").map(Value::to_string) == record.encryption
    })
}

fn is_traced(input: &Input) -> bool {
    input.get("tracingConfiguration").and_then(|tracing| tracing.get("enabled")).and_then(Value::as_bool)
        == Some(true)
}

fn revision(
    catalogue: &Catalogue,
    input: &Input,
    label: &str,
    (definition, role): (&str, &str),
    now: i64,
) -> Result<RevisionRecord, ServiceError> {
    Ok(RevisionRecord {
        id: catalogue.next_revision,
        label: label.into(),
        definition: definition.into(),
        role: role.into(),
        created: now,
        logging: input.get("loggingConfiguration").map(Value::to_string),
        tracing: is_traced(input),
        encryption: input.get("encryptionConfiguration").map(Value::to_string),
    })
}

/// Publishes the current revision, unless the newest version is it already; answers the version's number.
pub(super) fn add_version(machine: &mut StateMachine, description: &str, now: i64) -> u32 {
    if let Some((number, version)) = machine.versions.last_key_value()
        && version.revision == machine.revision
    {
        return *number;
    }
    let number = machine.next_version;
    machine.next_version += 1;
    let version = Version { revision: machine.revision, description: description.to_owned(), created: now };
    machine.versions.insert(number, version);
    number
}

pub(super) async fn update(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 256)?;
    let (definition, role) =
        (input.optional("definition", LONGEST_DEFINITION)?, input.optional("roleArn", 256)?);
    let described = input.optional("versionDescription", 256)?;
    let publish = input.flag("publish")?.unwrap_or(false);
    let revises = definition.is_some()
        || role.is_some()
        || ["loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"]
            .iter()
            .any(|name| input.get(name).is_some());
    if !revises && !publish {
        return Err(ServiceError::client(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        ));
    }
    // A version cannot be revised, and AWS says that it is not there.
    let name = match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Machine(name) => name,
        Named::Version(..) | Named::Alias(..) => return Err(no_machine(arn)),
        _ => return Err(wrong_kind(arn)),
    };
    let kind = find(&core.catalogue(), &name, arn)?.kind;
    if let Some(definition) = definition {
        check_definition(definition, kind)?;
    }
    if let Some(role) = role {
        check_role(role)?;
    }
    check_logging(input)?;
    let now = core.now();
    let (position, label, version) = {
        let mut catalogue = core.catalogue_mut();
        let mut machine = find(&catalogue, &name, arn)?.as_ref().clone();
        let current = catalogue.current(&machine).ok_or_else(|| no_machine(arn))?;
        let mut label = Arc::clone(&current.record.label);
        let mut made = None;
        if revises {
            let mut next = current.record.clone();
            next.id = catalogue.next_revision;
            label = random_uuid().into();
            next.label = Arc::clone(&label);
            next.created = now;
            next.definition = definition.map_or(next.definition, Into::into);
            next.role = role.map_or(next.role, Into::into);
            if let Some(logging) = input.get("loggingConfiguration") {
                next.logging = Some(logging.to_string());
            }
            if input.get("tracingConfiguration").is_some() {
                next.tracing = is_traced(input);
            }
            if let Some(encryption) = input.get("encryptionConfiguration") {
                next.encryption = Some(encryption.to_string());
            }
            machine.revision = next.id;
            made = Some(next);
        }
        let version = publish.then(|| add_version(&mut machine, described.unwrap_or_default(), now));
        let next = match made {
            Some(revision) => Change::Revised(machine, revision),
            None => Change::Machine(machine),
        };
        (change(core, &mut catalogue, next)?, label, version)
    };
    core.durable(position).await.map_err(internal)?;
    let mut answer = json!({ "updateDate": seconds(now), "revisionId": &*label });
    if let Some(version) = version {
        answer["stateMachineVersionArn"] = json!(core.names.version(&name, version));
    }
    Ok(answer)
}

pub(super) async fn delete(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 256)?;
    let name = machine_name(core, arn)?;
    let position = {
        let mut catalogue = core.catalogue_mut();
        if catalogue.machines.contains_key(name.as_str()) {
            change(core, &mut catalogue, Change::MachineRemoved(name.into()))?
        } else {
            catalogue.position
        }
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({}))
}

pub(super) async fn describe(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("stateMachineArn", 2000)?;
    let named = core.names.parse(arn).map_err(invalid_arn)?;
    let (mut answer, position) = {
        let catalogue = core.catalogue();
        let (name, version) = match named {
            Named::Machine(name) => (name, None),
            Named::Version(name, version) => (name, Some(version)),
            Named::Alias(name, _) if !catalogue.machines.contains_key(name.as_str()) => {
                return Err(no_machine(arn));
            }
            _ => return Err(wrong_kind(arn)),
        };
        let machine = find(&catalogue, &name, arn)?;
        let published = match version {
            Some(version) => Some(machine.versions.get(&version).ok_or_else(|| no_machine(arn))?),
            None => None,
        };
        let revision = match published {
            Some(version) => catalogue.revisions.get(&version.revision).cloned(),
            None => catalogue.current(machine),
        };
        let revision = revision.ok_or_else(|| no_machine(arn))?;
        let mut answer = revision_json(&revision);
        answer["stateMachineArn"] = json!(arn);
        answer["name"] = json!(machine.name);
        answer["status"] = json!("ACTIVE");
        answer["type"] = json!(machine.kind.name());
        answer["creationDate"] = seconds(published.map_or(machine.created, |version| version.created));
        if let Some(version) = published {
            answer["description"] = json!(version.description);
        }
        (answer, catalogue.position)
    };
    if input.text("includedData")? == Some("METADATA_ONLY")
        && let Some(members) = answer.as_object_mut()
    {
        members.remove("definition");
    }
    core.durable(position).await.map_err(internal)?;
    Ok(answer)
}

fn revision_json(revision: &Revision) -> Value {
    let record = &revision.record;
    let logging =
        revision.logging().unwrap_or_else(|| json!({ "level": "OFF", "includeExecutionData": false }));
    let mut answer = json!({
        "definition": record.definition,
        "roleArn": record.role,
        "loggingConfiguration": logging,
        "tracingConfiguration": { "enabled": record.tracing },
        "encryptionConfiguration": revision.encryption().unwrap_or_else(|| json!({ "type": "AWS_OWNED_KEY" })),
    });
    if &*record.label != "INITIAL" {
        answer["revisionId"] = json!(record.label);
    }
    answer
}

pub(super) async fn describe_for_execution(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let found = executions::find(core, arn)?;
    let profile = &found.profile;
    let revision = core.catalogue().revisions.get(&profile.revision).cloned();
    let revision = revision.ok_or_else(|| no_execution(arn))?;
    let (name, label) = match profile.machine.split_once('/') {
        Some((name, label)) => (name, Some(label)),
        None => (&*profile.machine, None),
    };
    let mut answer = revision_json(&revision);
    answer["stateMachineArn"] = json!(core.names.machine(name));
    answer["name"] = json!(name);
    answer["updateDate"] = seconds(revision.record.created);
    if let (crate::record::Origin::Map { map_run, .. }, Some(label)) = (&profile.origin, label) {
        answer["mapRunArn"] = json!(map_run);
        answer["label"] = json!(label);
    }
    Ok(answer)
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let limit = input.max_results()?;
    let place = pages::place(input.text("nextToken")?)?;
    let (machines, next, position) = {
        let catalogue = core.catalogue();
        let all = catalogue.machines.iter().map(|(name, machine)| {
            let line = json!({
                "stateMachineArn": core.names.machine(name),
                "name": name,
                "type": machine.kind.name(),
                "creationDate": seconds(machine.created),
            });
            (&**name, line)
        });
        let (page, next) = pages::after(all, place.as_deref(), limit);
        (page, next, catalogue.position)
    };
    core.durable(position).await.map_err(internal)?;
    let mut answer = json!({ "stateMachines": machines });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// The machine of this name.
pub(super) fn find<'a>(
    catalogue: &'a Catalogue,
    name: &str,
    arn: &str,
) -> Result<&'a Arc<StateMachine>, ServiceError> {
    catalogue.machines.get(name).ok_or_else(|| no_machine(arn))
}

/// The name in a state machine's own ARN, without version or alias.
pub(super) fn machine_name(core: &Core, arn: &str) -> Result<String, ServiceError> {
    match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Machine(name) => Ok(name),
        _ => Err(wrong_kind(arn)),
    }
}

/// Journals a change and takes it in; answers the position below which all must be on disk for it to be.
pub(super) fn change(core: &Core, catalogue: &mut Catalogue, change: Change) -> Result<u64, ServiceError> {
    let record = encode("record", &Borrowed::Catalogue(&change)).map_err(internal)?;
    let ticket = core.journal.append(&record);
    let Some(position) = ticket.position() else {
        return Err(ticket.wait().err().map_or_else(|| conflict("The engine is shutting down"), internal));
    };
    catalogue.apply(&change);
    catalogue.unsaved.push(change);
    catalogue.position = position + 1;
    Ok(position + 1)
}

fn check_definition(definition: &str, kind: MachineKind) -> Result<(), ServiceError> {
    let kind = match kind {
        MachineKind::Standard => MachineType::Standard,
        MachineKind::Express => MachineType::Express,
    };
    Machine::parse_as(definition, kind)
        .map(|_| ())
        .map_err(|diagnostics| ServiceError::client("InvalidDefinition", rejection(&diagnostics)))
}

fn check_logging(input: &Input) -> Result<(), ServiceError> {
    let Some(configuration) = input.get("loggingConfiguration") else { return Ok(()) };
    toss_asl::check_logging(configuration)
        .map_err(|message| ServiceError::client("InvalidLoggingConfiguration", message))
}

fn check_role(role: &str) -> Result<(), ServiceError> {
    if role.starts_with("arn:") && role.split(':').count() >= 6 {
        return Ok(());
    }
    Err(invalid_arn(format!("Invalid Role Arn: '{role}'")))
}
