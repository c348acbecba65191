//! Aliases: names that outlive the keys they name.

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, failed, lifecycle::seconds, page::Page};
use crate::{
    KeysError,
    constraint::{excerpt, invalid, parse, required},
    refusal,
    store::Alias,
};

const LONGEST_NAME: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasOfKey {
    alias_name: Option<String>,
    target_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAliases {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

impl Inner {
    pub(crate) fn create_alias(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: AliasOfKey = parse(body)?;
        let name = checked_name(required(input.alias_name, "aliasName")?)?;
        let target = required(input.target_key_id, "targetKeyId")?;
        self.remove_gone_keys().map_err(failed)?;

        let _changing = self.store.changing();
        let key = self.resolve_without_alias(&target)?;
        self.require_not_pending(&key)?;
        let mut aliases = (*self.store.aliases()).clone();
        if aliases.contains_key(&name) {
            return Err(refusal::alias_exists(&self.alias_arn(&name)));
        }
        let now = self.now();
        aliases.insert(name, Alias { key_id: key.record.id.clone(), created: now, updated: now });
        self.store.put_aliases(aliases).map_err(failed)?;
        Ok(Value::Null)
    }

    pub(crate) fn update_alias(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: AliasOfKey = parse(body)?;
        let name = checked_name(required(input.alias_name, "aliasName")?)?;
        let target = required(input.target_key_id, "targetKeyId")?;

        let _changing = self.store.changing();
        let new = self.resolve_without_alias(&target)?;
        self.require_not_pending(&new)?;
        let old = self.resolve(&name)?;
        if (old.record.spec, old.record.usage) != (new.record.spec, new.record.usage) {
            return Err(invalid("An alias can only be moved to a key of the same spec and usage."));
        }
        let mut aliases = (*self.store.aliases()).clone();
        if let Some(alias) = aliases.get_mut(&name) {
            alias.key_id.clone_from(&new.record.id);
            alias.updated = self.now();
        }
        self.store.put_aliases(aliases).map_err(failed)?;
        Ok(Value::Null)
    }

    pub(crate) fn delete_alias(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: AliasOfKey = parse(body)?;
        let name = checked_name(required(input.alias_name, "aliasName")?)?;
        let _changing = self.store.changing();
        let mut aliases = (*self.store.aliases()).clone();
        if aliases.remove(&name).is_none() {
            return Err(refusal::alias_not_found(&self.alias_arn(&name)));
        }
        self.store.put_aliases(aliases).map_err(failed)?;
        Ok(Value::Null)
    }

    pub(crate) fn list_aliases(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListAliases = parse(body)?;
        let page = Page::read(input.limit, 50, 100, input.marker.as_deref())?;
        let only = input.key_id.map(|id| self.resolve_without_alias(&id)).transpose()?;
        let aliases = self.store.aliases();
        let wanted = |alias: &Alias| only.as_ref().is_none_or(|key| key.record.id == alias.key_id);
        let items = aliases.iter().filter(|(_, alias)| wanted(alias)).map(|(name, alias)| {
            let item = json!({
                "AliasName": name,
                "AliasArn": self.alias_arn(name),
                "TargetKeyId": alias.key_id,
                "CreationDate": seconds(alias.created),
                "LastUpdatedDate": seconds(alias.updated),
            });
            (name.clone(), item)
        });
        Ok(page.of("Aliases", items).into())
    }

    pub(crate) fn ensure_alias(&self, name: &str, key_id: &str) -> Result<(), KeysError> {
        let _changing = self.store.changing();
        let mut aliases = (*self.store.aliases()).clone();
        match aliases.get(name) {
            Some(alias) if alias.key_id == key_id => return Ok(()),
            Some(_) => return Err(KeysError::AliasTaken { alias: name.to_owned() }),
            None => {}
        }
        let now = self.now();
        aliases.insert(name.to_owned(), Alias { key_id: key_id.to_owned(), created: now, updated: now });
        self.store.put_aliases(aliases)
    }
}

fn checked_name(name: String) -> Result<String, ServiceError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let rest = name.strip_prefix("alias/").ok_or_else(|| invalid("Invalid identifier"))?;
    if rest.starts_with("aws/") {
        return Err(ServiceError::client(
            "NotAuthorizedException",
            "Aliases beginning with alias/aws/ are reserved.",
        ));
    }
    if rest.is_empty() || name.len() > LONGEST_NAME || !rest.chars().all(allowed) {
        return Err(ServiceError::client(
            "InvalidAliasNameException",
            format!(
                "'{}' is not an alias name: use alias/ and letters, digits, '/', '_' or '-'.",
                excerpt(&name)
            ),
        ));
    }
    Ok(name)
}
