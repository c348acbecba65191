//! Key policies: kept and answered. What a caller may do is decided by the home, from the template's roles.

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::Inner;
use crate::constraint::{invalid, parse, required};

const NAME: &str = "default";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPolicy {
    key_id: Option<String>,
    policy_name: Option<String>,
    policy: Option<String>,
}

impl Inner {
    pub(crate) fn get_key_policy(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: KeyPolicy = parse(body)?;
        check_name(input.policy_name.as_deref())?;
        let key = self.resolve_without_alias(&required(input.key_id, "keyId")?)?;
        let policy = key.record.policy.clone().unwrap_or_else(|| self.default_policy());
        Ok(json!({ "Policy": policy, "PolicyName": NAME }))
    }

    pub(crate) fn put_key_policy(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: KeyPolicy = parse(body)?;
        check_name(input.policy_name.as_deref())?;
        let policy = required(input.policy, "policy")?;
        if !serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy.get("Statement").is_some()) {
            return Err(ServiceError::client(
                "MalformedPolicyDocumentException",
                "The policy is not a JSON document with a Statement.",
            ));
        }
        self.change(input.key_id, |record| record.policy = Some(policy))?;
        Ok(Value::Null)
    }

    pub(crate) fn list_key_policies(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: KeyPolicy = parse(body)?;
        self.resolve_without_alias(&required(input.key_id, "keyId")?)?;
        Ok(json!({ "PolicyNames": [NAME], "Truncated": false }))
    }

    fn default_policy(&self) -> String {
        json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.account) },
                "Action": "kms:*",
                "Resource": "*",
            }],
        })
        .to_string()
    }
}

fn check_name(name: Option<&str>) -> Result<(), ServiceError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(invalid("A key has one policy, and its name is default.")),
    }
}
