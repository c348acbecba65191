//! Keys from creation to deletion.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, failed, page::Page, tags::Tag};
use crate::{
    KeySpec, KeyUsage, KeysError,
    constraint::{excerpt, invalid, parse, required, violated, within},
    record::{Deletion, KeyRecord, MaterialOrigin, days_after},
    refusal,
    store::Key,
};

const LONGEST_DESCRIPTION: usize = 8192;
const DEFAULT_PENDING_WINDOW: i64 = 30;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateKey {
    policy: Option<String>,
    description: Option<String>,
    key_usage: Option<String>,
    key_spec: Option<String>,
    customer_master_key_spec: Option<String>,
    origin: Option<String>,
    custom_key_store_id: Option<String>,
    multi_region: Option<bool>,
    tags: Option<Vec<Tag>>,
}

/// The input of operations that take a key alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneKey {
    pub(super) key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateKeyDescription {
    key_id: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleKeyDeletion {
    key_id: Option<String>,
    pending_window_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListKeys {
    limit: Option<i64>,
    marker: Option<String>,
}

impl Inner {
    pub(crate) fn create_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: CreateKey = parse(body)?;
        let (spec, usage) = spec_and_usage(&input)?;
        if input.multi_region == Some(true)
            || input.custom_key_store_id.is_some()
            || input.origin.as_deref().is_some_and(|origin| origin != "AWS_KMS")
        {
            return Err(refusal::unsupported(
                "Multi-region keys, custom key stores and imported material are not available here; leave MultiRegion, CustomKeyStoreId and Origin out.",
            ));
        }
        let mut tags = BTreeMap::new();
        for tag in input.tags.unwrap_or_default() {
            let (name, value) = tag.checked()?;
            if tags.insert(name, value).is_some() {
                return Err(ServiceError::client("TagException", "Duplicate tag keys"));
            }
        }
        let description = checked_description(input.description.unwrap_or_default())?;
        self.remove_gone_keys().map_err(failed)?;

        let _changing = self.store.changing();
        let mut record = self.new_record(None, spec, usage).map_err(failed)?;
        record.description = description;
        record.tags = tags;
        record.policy = input.policy;
        let key = self.store.put(record).map_err(failed)?;
        Ok(json!({ "KeyMetadata": self.metadata(&key) }))
    }

    pub(crate) fn describe_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let key = self.resolve(&required(input.key_id, "keyId")?)?;
        Ok(json!({ "KeyMetadata": self.metadata(&key) }))
    }

    pub(crate) fn list_keys(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListKeys = parse(body)?;
        let page = Page::read(input.limit, 100, 1000, input.marker.as_deref())?;
        let now = self.now();
        let keys = self.store.keys().into_iter().filter(move |key| !key.record.is_gone(now));
        let items = keys.map(|key| {
            let id = &key.record.id;
            (id.clone(), json!({ "KeyId": id, "KeyArn": self.key_arn(id) }))
        });
        Ok(page.of("Keys", items).into())
    }

    pub(crate) fn enable_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        self.set_enabled(body, true)
    }

    pub(crate) fn disable_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        self.set_enabled(body, false)
    }

    pub(crate) fn update_key_description(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: UpdateKeyDescription = parse(body)?;
        let description = checked_description(required(input.description, "description")?)?;
        self.change(input.key_id, |record| record.description = description)?;
        Ok(Value::Null)
    }

    pub(crate) fn schedule_key_deletion(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ScheduleKeyDeletion = parse(body)?;
        let window = input.pending_window_in_days.unwrap_or(DEFAULT_PENDING_WINDOW);
        let window = within(window, "pendingWindowInDays", &(7..=30))?;
        let at = days_after(self.now(), window);
        let key = self.change(input.key_id, |record| {
            record.deletion = Some(Deletion { at, window_in_days: window });
            record.enabled = false;
        })?;
        Ok(json!({
            "KeyId": self.key_arn(&key.record.id),
            "DeletionDate": seconds(at),
            "KeyState": key.record.state(),
            "PendingWindowInDays": window,
        }))
    }

    pub(crate) fn cancel_key_deletion(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let id = required(input.key_id, "keyId")?;
        let _changing = self.store.changing();
        let key = self.resolve_without_alias(&id)?;
        let arn = self.key_arn(&key.record.id);
        if key.record.deletion.is_none() {
            return Err(refusal::not_pending_deletion(&arn));
        }
        // KMS leaves such a key disabled: its owner says by EnableKey that it is wanted again.
        self.store.put(KeyRecord { deletion: None, ..key.record.clone() }).map_err(failed)?;
        Ok(json!({ "KeyId": arn }))
    }

    pub(crate) fn ensure_key(
        &self,
        logical_id: &str,
        spec: KeySpec,
        usage: KeyUsage,
    ) -> Result<String, KeysError> {
        if spec.usage() != usage {
            return Err(KeysError::Mismatch { spec, usage });
        }
        self.remove_gone_keys()?;
        let _changing = self.store.changing();
        let named = |key: &Arc<Key>| key.record.logical_id.as_deref() == Some(logical_id);
        let Some(key) = self.store.keys().into_iter().find(named) else {
            let mut record = self.new_record(Some(logical_id), spec, usage)?;
            record.description = logical_id.to_owned();
            return Ok(self.store.put(record)?.record.id.clone());
        };
        if (key.record.spec, key.record.usage) != (spec, usage) {
            return Err(KeysError::Changed {
                logical_id: logical_id.to_owned(),
                found_spec: key.record.spec,
                found_usage: key.record.usage,
            });
        }
        Ok(key.record.id.clone())
    }

    /// Changes a key that is not pending deletion.
    pub(super) fn change(
        &self,
        key_id: Option<String>,
        change: impl FnOnce(&mut KeyRecord),
    ) -> Result<Arc<Key>, ServiceError> {
        let id = required(key_id, "keyId")?;
        let _changing = self.store.changing();
        let key = self.resolve_without_alias(&id)?;
        self.require_not_pending(&key)?;
        let mut record = key.record.clone();
        change(&mut record);
        self.store.put(record).map_err(failed)
    }

    fn set_enabled(&self, body: &[u8], enabled: bool) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        self.change(input.key_id, |record| record.enabled = enabled)?;
        Ok(Value::Null)
    }

    fn new_record(
        &self,
        logical_id: Option<&str>,
        spec: KeySpec,
        usage: KeyUsage,
    ) -> Result<KeyRecord, KeysError> {
        let (id, now) = (self.store.new_id()?, self.now());
        Ok(KeyRecord {
            materials: vec![self.store.new_material(&id, spec, MaterialOrigin::Initial, now)?],
            id,
            logical_id: logical_id.map(str::to_owned),
            spec,
            usage,
            description: String::new(),
            created: now,
            enabled: true,
            deletion: None,
            tags: BTreeMap::new(),
            policy: None,
            rotation: None,
        })
    }

    fn metadata(&self, key: &Key) -> Value {
        let record = &key.record;
        let mut metadata = json!({
            "AWSAccountId": self.account,
            "KeyId": record.id,
            "Arn": self.key_arn(&record.id),
            "CreationDate": seconds(record.created),
            "Enabled": record.enabled && record.deletion.is_none(),
            "Description": record.description,
            "KeyUsage": record.usage,
            "KeyState": record.state(),
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": record.spec,
            "KeySpec": record.spec,
            "MultiRegion": false,
        });
        metadata[record.usage.algorithms_member()] = json!([record.spec.algorithm()]);
        if let Some(deletion) = &record.deletion {
            metadata["DeletionDate"] = seconds(deletion.at);
        }
        if let (KeySpec::SymmetricDefault, Some((material, _))) = (record.spec, key.current()) {
            metadata["CurrentKeyMaterialId"] = json!(material.id);
        }
        metadata
    }
}

/// A time as the JSON protocol writes it.
pub(super) fn seconds(milliseconds: i64) -> Value {
    // Exact for every millisecond of the next thousands of years.
    json!(milliseconds as f64 / 1000.0)
}

fn checked_description(description: String) -> Result<String, ServiceError> {
    if description.chars().count() > LONGEST_DESCRIPTION {
        let rule = format!("Member must have length less than or equal to {LONGEST_DESCRIPTION}");
        return Err(violated("'<text>'", "description", &rule));
    }
    Ok(description)
}

fn spec_and_usage(input: &CreateKey) -> Result<(KeySpec, KeyUsage), ServiceError> {
    let spec_name = match (&input.key_spec, &input.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            return Err(invalid(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.",
            ));
        }
        (Some(name), None) | (None, Some(name)) => name.as_str(),
        (None, None) => KeySpec::SymmetricDefault.as_str(),
    };
    let spec: KeySpec = spec_name.parse().map_err(|_| {
        refusal::unsupported(format!("KeySpec {} is not supported here.", excerpt(spec_name)))
    })?;
    let usage = match &input.key_usage {
        Some(name) => name.parse().map_err(|_| {
            let rule =
                "Member must satisfy enum value set: [SIGN_VERIFY, ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC]";
            violated(&format!("'{}'", excerpt(name)), "keyUsage", rule)
        })?,
        None if spec == KeySpec::SymmetricDefault => KeyUsage::EncryptDecrypt,
        None => {
            return Err(invalid(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            ));
        }
    };
    if spec.usage() != usage {
        return Err(invalid(format!("KeyUsage {usage} is not compatible with KeySpec {spec}")));
    }
    Ok((spec, usage))
}
