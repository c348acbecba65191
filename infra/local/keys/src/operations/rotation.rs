//! Rotation: new material for the same key. Old material stays, and still decrypts.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{
    Inner, failed,
    lifecycle::{OneKey, seconds},
    page::Page,
};
use crate::{
    KeySpec,
    constraint::{parse, required, within},
    record::{MaterialOrigin, MaterialRecord, RotationSchedule},
    refusal,
    store::Key,
};

const DEFAULT_PERIOD: i64 = 365;
const MOST_ON_DEMAND_ROTATIONS: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnableKeyRotation {
    key_id: Option<String>,
    rotation_period_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListKeyRotations {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

impl Inner {
    pub(crate) fn enable_key_rotation(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: EnableKeyRotation = parse(body)?;
        let asked = input.rotation_period_in_days;
        if let Some(period) = asked {
            within(period, "rotationPeriodInDays", &(90..=2560))?;
        }
        let now = self.now();
        let _changing = self.store.changing();
        let key = self.rotating_key(input.key_id)?;
        let mut record = key.record.clone();
        record.rotation = Some(match record.rotation {
            Some(schedule) => {
                RotationSchedule { period_in_days: asked.unwrap_or(schedule.period_in_days), ..schedule }
            }
            None => RotationSchedule { since: now, period_in_days: asked.unwrap_or(DEFAULT_PERIOD) },
        });
        self.store.put(record).map_err(failed)?;
        Ok(Value::Null)
    }

    pub(crate) fn disable_key_rotation(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let _changing = self.store.changing();
        let mut record = self.rotating_key(input.key_id)?.record.clone();
        record.rotation = None;
        self.store.put(record).map_err(failed)?;
        Ok(Value::Null)
    }

    pub(crate) fn get_key_rotation_status(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let key = self.resolve_without_alias(&required(input.key_id, "keyId")?)?;
        self.require_symmetric(&key)?;
        let mut answer = json!({
            "KeyId": self.key_arn(&key.record.id),
            "KeyRotationEnabled": key.record.rotation.is_some() && key.record.deletion.is_none(),
        });
        if let (Some(schedule), Some(next)) = (&key.record.rotation, key.record.next_rotation()) {
            answer["RotationPeriodInDays"] = json!(schedule.period_in_days);
            answer["NextRotationDate"] = seconds(next);
        }
        Ok(answer)
    }

    pub(crate) fn rotate_key_on_demand(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let _changing = self.store.changing();
        let key = self.rotating_key(input.key_id)?;
        let on_demand = |material: &&MaterialRecord| material.origin == MaterialOrigin::OnDemand;
        if key.record.materials.iter().filter(on_demand).count() >= MOST_ON_DEMAND_ROTATIONS {
            return Err(ServiceError::client(
                "LimitExceededException",
                format!("A key can be rotated on demand {MOST_ON_DEMAND_ROTATIONS} times; make a new key."),
            ));
        }
        self.rotate(&key, MaterialOrigin::OnDemand)?;
        Ok(json!({ "KeyId": self.key_arn(&key.record.id) }))
    }

    pub(crate) fn list_key_rotations(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListKeyRotations = parse(body)?;
        let page = Page::read(input.limit, 100, 1000, input.marker.as_deref())?;
        let key = self.resolve_without_alias(&required(input.key_id, "keyId")?)?;
        self.require_symmetric(&key)?;
        let arn = self.key_arn(&key.record.id);
        let rotations = key.record.materials.iter().enumerate();
        let items = rotations.filter(|(_, material)| material.origin != MaterialOrigin::Initial).map(
            |(number, material)| {
                let item = json!({
                    "KeyId": arn,
                    "KeyMaterialId": material.id,
                    "RotationDate": seconds(material.made),
                    "RotationType": material.origin,
                });
                (format!("{number:08}"), item)
            },
        );
        Ok(page.of("Rotations", items).into())
    }

    /// The key, with new material if its schedule asks for it by now.
    pub(super) fn rotated_if_due(&self, key: Arc<Key>) -> Result<Arc<Key>, ServiceError> {
        let now = self.now();
        let due = |key: &Key| key.record.next_rotation().is_some_and(|next| next <= now);
        if !due(&key) {
            return Ok(key);
        }
        let _changing = self.store.changing();
        // Another call may have rotated it while this one waited.
        match self.store.key(&key.record.id) {
            Some(key) if due(&key) => self.rotate(&key, MaterialOrigin::Automatic),
            Some(key) => Ok(key),
            None => Err(refusal::key_not_found(&self.key_arn(&key.record.id))),
        }
    }

    fn rotate(&self, key: &Key, origin: MaterialOrigin) -> Result<Arc<Key>, ServiceError> {
        let mut record = key.record.clone();
        let material = self.store.new_material(&record.id, record.spec, origin, self.now());
        record.materials.push(material.map_err(failed)?);
        self.store.put(record).map_err(failed)
    }

    fn rotating_key(&self, key_id: Option<String>) -> Result<Arc<Key>, ServiceError> {
        let key = self.resolve_without_alias(&required(key_id, "keyId")?)?;
        self.require_symmetric(&key)?;
        self.require_enabled(&key)?;
        Ok(key)
    }

    fn require_symmetric(&self, key: &Key) -> Result<(), ServiceError> {
        if key.record.spec == KeySpec::SymmetricDefault {
            return Ok(());
        }
        let arn = self.key_arn(&key.record.id);
        Err(refusal::unsupported(format!("{arn} is a {} key; only symmetric keys rotate.", key.record.spec)))
    }
}
