//! Activities and their workers.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::{
    activities,
    catalogue::{Activity, Change},
    core::Core,
    names::Named,
};

use super::{
    Answer,
    errors::{internal, invalid_arn, no_activity, wrong_kind},
    input::{Input, check_name},
    machines::change,
    pages, seconds, tags,
};

/// How long a worker's poll is kept open, as on AWS.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn create(core: &Arc<Core>, input: &Input) -> Answer {
    let name = input.required("name", 80)?;
    check_name(name)?;
    let tags = tags::read(input)?;
    let (created, position) = {
        let mut catalogue = core.catalogue_mut();
        match catalogue.activities.get(name) {
            Some(existing) => (existing.created, catalogue.position),
            None => {
                let created = core.now();
                let activity = Activity { name: name.into(), created, tags };
                (created, change(core, &mut catalogue, Change::Activity(activity))?)
            }
        }
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({ "activityArn": core.names.activity(name), "creationDate": seconds(created) }))
}

pub(super) async fn describe(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("activityArn", 256)?;
    let name = name_of(core, arn)?;
    let catalogue = core.catalogue();
    let activity = catalogue.activities.get(name.as_str()).ok_or_else(|| no_activity(arn))?;
    Ok(json!({
        "activityArn": arn,
        "name": name,
        "creationDate": seconds(activity.created),
        "encryptionConfiguration": { "type": "AWS_OWNED_KEY" },
    }))
}

pub(super) async fn delete(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("activityArn", 256)?;
    let name = name_of(core, arn)?;
    let position = {
        let mut catalogue = core.catalogue_mut();
        if catalogue.activities.contains_key(name.as_str()) {
            change(core, &mut catalogue, Change::ActivityRemoved(name.into()))?
        } else {
            catalogue.position
        }
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({}))
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let limit = input.max_results()?;
    let place = pages::place(input.text("nextToken")?)?;
    let catalogue = core.catalogue();
    let lines = catalogue.activities.iter().map(|(name, activity)| {
        let line = json!({
            "activityArn": core.names.activity(name),
            "name": name,
            "creationDate": seconds(activity.created),
        });
        (&**name, line)
    });
    let (page, next): (Vec<Value>, _) = pages::after(lines, place.as_deref(), limit);
    let mut answer = json!({ "activities": page });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

pub(super) async fn take(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("activityArn", 256)?;
    let worker = input.optional("workerName", 80)?;
    let name = name_of(core, arn)?;
    if !core.catalogue().activities.contains_key(name.as_str()) {
        return Err(no_activity(arn));
    }
    match activities::take(core, &name, worker, PATIENCE).await {
        Some(handed) => Ok(json!({ "taskToken": &*handed.token, "input": handed.input.text() })),
        None => Ok(json!({})),
    }
}

fn name_of(core: &Core, arn: &str) -> Result<String, ServiceError> {
    match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Activity(name) => Ok(name),
        _ => Err(wrong_kind(arn)),
    }
}
