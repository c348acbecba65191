//! Tags of state machines and activities.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::{catalogue::Change, core::Core, names::Named};

use super::{
    Answer,
    errors::{internal, invalid_arn, no_resource, validation},
    input::Input,
    machines::change,
};

/// How many tags a thing may have.
const MOST_TAGS: usize = 50;

/// `tags` of an input.
pub(super) fn read(input: &Input) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    for tag in input.array("tags")?.unwrap_or_default() {
        let text = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default();
        let (key, value) = (text("key"), text("value"));
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(validation("A tag's key has 1 to 128 characters, and its value at most 256."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() > MOST_TAGS {
        return Err(ServiceError::client(
            "TooManyTags",
            format!("A resource can have at most {MOST_TAGS} tags."),
        ));
    }
    Ok(())
}

pub(super) async fn tag(core: &Arc<Core>, input: &Input) -> Answer {
    let added = read(input)?;
    edit(core, input, |tags| {
        tags.extend(added);
        check_count(tags)
    })
    .await
}

pub(super) async fn untag(core: &Arc<Core>, input: &Input) -> Answer {
    let keys = input.array("tagKeys")?.unwrap_or_default();
    edit(core, input, |tags| {
        for key in keys.iter().filter_map(Value::as_str) {
            tags.remove(key);
        }
        Ok(())
    })
    .await
}

async fn edit(
    core: &Arc<Core>,
    input: &Input,
    edit: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), ServiceError>,
) -> Answer {
    let arn = input.required("resourceArn", 256)?;
    let position = {
        let mut catalogue = core.catalogue_mut();
        let edited = match core.names.parse(arn).map_err(invalid_arn)? {
            Named::Machine(name) => {
                let found = catalogue.machines.get(name.as_str()).ok_or_else(|| no_resource(arn))?;
                let mut machine = found.as_ref().clone();
                edit(&mut machine.tags)?;
                Change::Machine(machine)
            }
            Named::Activity(name) => {
                let found = catalogue.activities.get(name.as_str()).ok_or_else(|| no_resource(arn))?;
                let mut activity = found.as_ref().clone();
                edit(&mut activity.tags)?;
                Change::Activity(activity)
            }
            _ => return Err(no_resource(arn)),
        };
        change(core, &mut catalogue, edited)?
    };
    core.durable(position).await.map_err(internal)?;
    Ok(json!({}))
}

pub(super) async fn list(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("resourceArn", 256)?;
    let catalogue = core.catalogue();
    let tags = match core.names.parse(arn).map_err(invalid_arn)? {
        Named::Machine(name) => catalogue.machines.get(name.as_str()).map(|machine| &machine.tags),
        Named::Activity(name) => catalogue.activities.get(name.as_str()).map(|activity| &activity.tags),
        _ => None,
    };
    let tags = tags.ok_or_else(|| no_resource(arn))?;
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    Ok(json!({ "tags": tags }))
}
