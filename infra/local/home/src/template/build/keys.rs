//! `AWS::KMS::Key` and `AWS::KMS::Alias`.

use super::fields::Fields;
use crate::template::model::{Key, Model};

pub(super) fn add(model: &mut Model, fields: Fields<'_>) {
    let id = fields.resource.name.clone();
    let key = Key {
        arn: fields.place().arn("kms", &format!("key/{id}")),
        description: fields.text("Description").unwrap_or_default(),
        spec: fields.text("KeySpec").unwrap_or_else(|| "SYMMETRIC_DEFAULT".into()),
        usage: fields.text("KeyUsage").unwrap_or_else(|| "ENCRYPT_DECRYPT".into()),
        aliases: Vec::new(),
        id: id.clone(),
    };
    model.keys.insert(id, key);
}

pub(super) fn add_alias(model: &mut Model, fields: Fields<'_>) {
    let target = fields.required("TargetKeyId");
    let id = target.rsplit('/').next().unwrap_or_default();
    match model.keys.get_mut(id) {
        Some(key) => key.aliases.push(fields.resource.name.clone()),
        None => fields.problem(format!("TargetKeyId {target} is not a key of the template")),
    }
}
