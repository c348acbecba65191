//! From the names that callers use to the key they mean, and whether it may be used.

use std::sync::Arc;

use toss_local_protocol::ServiceError;

use super::Inner;
use crate::{KeyUsage, KeysError, blob, refusal, store::Key};

impl Inner {
    pub(crate) fn key_arn(&self, id: &str) -> String {
        format!("arn:aws:kms:{}:{}:key/{id}", self.region, self.account)
    }

    /// The ARN of an alias, whose name includes `alias/`.
    pub(crate) fn alias_arn(&self, name: &str) -> String {
        format!("arn:aws:kms:{}:{}:{name}", self.region, self.account)
    }

    /// The key of an id, a key ARN, an alias name or an alias ARN.
    pub(crate) fn resolve(&self, text: &str) -> Result<Arc<Key>, ServiceError> {
        let name = self.local_name(text)?;
        if !name.starts_with("alias/") {
            return self.by_id(name, text);
        }
        let aliases = self.store.aliases();
        let alias = aliases.get(name).ok_or_else(|| refusal::alias_not_found(&self.alias_arn(name)))?;
        self.by_id(&alias.key_id, text)
    }

    /// The key of an id or key ARN; operations on the key itself take no alias.
    pub(crate) fn resolve_without_alias(&self, text: &str) -> Result<Arc<Key>, ServiceError> {
        match self.local_name(text)? {
            name if name.starts_with("alias/") => Err(refusal::invalid_key_id(text)),
            name => self.by_id(name, text),
        }
    }

    /// A key that may be used now for what its usage says.
    pub(crate) fn usable(
        &self,
        text: &str,
        usage: KeyUsage,
        operation: &str,
    ) -> Result<Arc<Key>, ServiceError> {
        let key = self.resolve(text)?;
        let arn = self.key_arn(&key.record.id);
        self.require_enabled(&key)?;
        if key.record.usage != usage {
            return Err(refusal::wrong_usage(&arn, key.record.usage.as_str(), operation));
        }
        Ok(key)
    }

    pub(crate) fn require_enabled(&self, key: &Key) -> Result<(), ServiceError> {
        self.require_not_pending(key)?;
        if !key.record.enabled {
            return Err(refusal::disabled(&self.key_arn(&key.record.id)));
        }
        Ok(())
    }

    pub(crate) fn require_not_pending(&self, key: &Key) -> Result<(), ServiceError> {
        if key.record.deletion.is_some() {
            return Err(refusal::pending_deletion(&self.key_arn(&key.record.id)));
        }
        Ok(())
    }

    /// Destroys the keys whose waiting period is over.
    pub(crate) fn remove_gone_keys(&self) -> Result<(), KeysError> {
        let now = self.now();
        let _changing = self.store.changing();
        for key in self.store.keys().iter().filter(|key| key.record.is_gone(now)) {
            self.store.remove(&key.record.id)?;
        }
        Ok(())
    }

    fn by_id(&self, id: &str, as_given: &str) -> Result<Arc<Key>, ServiceError> {
        let id = id.to_ascii_lowercase();
        match self.store.key(&id) {
            Some(key) if !key.record.is_gone(self.now()) => Ok(key),
            None if blob::unhex::<16>(&id).is_none() => Err(refusal::invalid_key_id(as_given)),
            _ => Err(refusal::key_not_found(&self.key_arn(&id))),
        }
    }

    // What stands after the account in an ARN of ours: `<id>` for a key, `alias/<name>` for an alias.
    fn local_name<'a>(&self, text: &'a str) -> Result<&'a str, ServiceError> {
        if !text.starts_with("arn:") {
            return Ok(text);
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, partition, "kms", region, account, resource] = parts[..] else {
            return Err(refusal::invalid_arn(text));
        };
        let name = match resource.strip_prefix("key/") {
            Some(id) => id,
            None if resource.starts_with("alias/") => resource,
            None => return Err(refusal::invalid_arn(text)),
        };
        if (partition, region, account) != ("aws", self.region.as_str(), self.account.as_str()) {
            return Err(refusal::key_not_found(text));
        }
        Ok(name)
    }
}
