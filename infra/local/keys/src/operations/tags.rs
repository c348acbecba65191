//! Tags of keys.

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, page::Page};
use crate::constraint::{parse, required};

const MOST_TAGS: usize = 50;

/// A tag as requests write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    tag_key: Option<String>,
    tag_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    key_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResource {
    key_id: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResourceTags {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

impl Tag {
    /// Its name and value, within KMS's limits.
    pub(super) fn checked(self) -> Result<(String, String), ServiceError> {
        let name = required(self.tag_key, "tags.tagKey")?;
        let value = required(self.tag_value, "tags.tagValue")?;
        let lengths = (name.chars().count(), value.chars().count());
        if name.is_empty() || lengths.0 > 128 || lengths.1 > 256 || name.starts_with("aws:") {
            return Err(ServiceError::client(
                "TagException",
                "A tag key has 1 to 128 characters and does not begin with aws:, a tag value has at most 256.",
            ));
        }
        Ok((name, value))
    }
}

impl Inner {
    pub(crate) fn tag_resource(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: TagResource = parse(body)?;
        let tags = required(input.tags, "tags")?;
        let tags: Vec<_> = tags.into_iter().map(Tag::checked).collect::<Result<_, _>>()?;
        let mut too_many = false;
        self.change(input.key_id, |record| {
            let mut all = record.tags.clone();
            all.extend(tags);
            too_many = all.len() > MOST_TAGS;
            if !too_many {
                record.tags = all;
            }
        })?;
        if too_many {
            return Err(ServiceError::client(
                "LimitExceededException",
                format!("A key has at most {MOST_TAGS} tags."),
            ));
        }
        Ok(Value::Null)
    }

    pub(crate) fn untag_resource(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: UntagResource = parse(body)?;
        let names = required(input.tag_keys, "tagKeys")?;
        self.change(input.key_id, |record| record.tags.retain(|name, _| !names.contains(name)))?;
        Ok(Value::Null)
    }

    pub(crate) fn list_resource_tags(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListResourceTags = parse(body)?;
        let page = Page::read(input.limit, 50, 50, input.marker.as_deref())?;
        let key = self.resolve_without_alias(&required(input.key_id, "keyId")?)?;
        let items = key
            .record
            .tags
            .iter()
            .map(|(name, value)| (name.clone(), json!({ "TagKey": name, "TagValue": value })));
        Ok(page.of("Tags", items).into())
    }
}
