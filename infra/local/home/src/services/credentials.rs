//! Access keys: by the one in a request's signature the home knows who calls.

use std::collections::BTreeMap;

use ring::hmac;
use toss_local_protocol::Caller;

/// A function's credentials, made for it alone.
#[derive(Debug, Clone)]
pub(crate) struct FunctionKey {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// Who holds which access key.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    callers: BTreeMap<String, Caller>,
}

impl Credentials {
    /// Makes the key of a function that runs under a role. The secret is of the home's own seed, so that the
    /// same function has the same key at every start.
    pub(crate) fn issue(&mut self, seed: &[u8], function: &str, role_arn: &str) -> FunctionKey {
        let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let tag = hmac::sign(&key, function.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let access_key_id = format!("ASIA{}", &hex[..16]);
        let caller = Caller::Role { arn: role_arn.to_owned(), session: function.to_owned() };
        self.callers.insert(access_key_id.clone(), caller);
        FunctionKey { access_key_id, secret_access_key: hex[16..56].to_ascii_lowercase() }
    }

    /// The caller whom a request's `Authorization` header names: the account's owner, where no function's key
    /// is in it.
    pub(crate) fn caller(&self, authorization: Option<&str>) -> Caller {
        authorization
            .and_then(access_key_of)
            .and_then(|key| self.callers.get(key))
            .cloned()
            .unwrap_or(Caller::Owner)
    }
}

/// The access key id in `AWS4-HMAC-SHA256 Credential=<id>/<date>/<region>/<service>/aws4_request, …`.
pub(crate) fn access_key_of(authorization: &str) -> Option<&str> {
    authorization.split("Credential=").nth(1)?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_key_and_everyone_else_is_the_owner() {
        let mut credentials = Credentials::default();
        let key = credentials.issue(b"seed", "toss-tasks", "arn:role");
        let header =
            format!("AWS4-HMAC-SHA256 Credential={}/20261122/us-east-1/sqs/aws4_request", key.access_key_id);
        let caller = Caller::Role { arn: "arn:role".into(), session: "toss-tasks".into() };
        assert_eq!(credentials.caller(Some(&header)), caller);
        assert_eq!(credentials.caller(Some("AWS4-HMAC-SHA256 Credential=test/20261122/x")), Caller::Owner);
        assert_eq!(credentials.caller(None), Caller::Owner);
    }
}
