//! Tags of queues.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toss_local_protocol::ServiceError;

use super::{parse, queues::OneQueue};
use crate::{
    inner::Inner,
    record::Record,
    refusal::{self, required},
    settings::Attributes,
};

const MOST_TAGS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagQueue {
    queue_url: Option<String>,
    tags: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagQueue {
    queue_url: Option<String>,
    tag_keys: Option<Vec<String>>,
}

/// Checks the tags that a queue is to have.
pub(super) fn checked(tags: Attributes) -> Result<Attributes, ServiceError> {
    if tags.len() > MOST_TAGS {
        return Err(refusal::invalid_parameter(format!(
            "Too many tags added. A queue has at most {MOST_TAGS}."
        )));
    }
    let fits = |(name, value): (&String, &String)| {
        !name.is_empty() && name.chars().count() <= 128 && value.chars().count() <= 256
    };
    if !tags.iter().all(fits) {
        return Err(refusal::invalid_parameter(
            "Tag keys must be between 1 and 128 characters in length, tag values at most 256.",
        ));
    }
    Ok(tags)
}

impl Inner {
    pub(super) async fn tag_queue(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: TagQueue = parse(body)?;
        let new = required(input.tags, "Tags")?;
        self.change_tags(input.queue_url.as_deref(), |tags| tags.extend(new)).await
    }

    pub(super) async fn untag_queue(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: UntagQueue = parse(body)?;
        let names = required(input.tag_keys, "TagKeys")?;
        self.change_tags(input.queue_url.as_deref(), |tags| tags.retain(|name, _| !names.contains(name)))
            .await
    }

    pub(super) fn list_queue_tags(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneQueue = parse(body)?;
        let name = self.queue_name(input.queue_url.as_deref())?;
        let state = self.lock();
        let tags = &state.queue(&name)?.tags;
        Ok(if tags.is_empty() { Map::new().into() } else { json!({ "Tags": tags }) })
    }

    async fn change_tags(
        &self,
        queue_url: Option<&str>,
        change_tags: impl FnOnce(&mut Attributes),
    ) -> Result<Value, ServiceError> {
        let queue = self.queue_name(queue_url)?;
        let position = {
            let mut change = self.change();
            let mut tags = change.state.queue(&queue)?.tags.clone();
            change_tags(&mut tags);
            change.record(Record::QueueTagged { queue, tags: checked(tags)? });
            change.finish()?
        };
        self.written(position).await?;
        Ok(Value::Null)
    }
}
