//! Which permissions a call needs, for a home that checks them.

use serde_json::Value;

use crate::{envelope, operations::Inner};

/// An action on a resource, as an IAM statement names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The action, such as `kms:Decrypt`.
    pub action: String,
    /// The ARN of the key, or `*` where the action concerns no key.
    pub resource: String,
}

impl Inner {
    /// The permissions that a call needs. Aliases are followed and ciphertexts read, since policies name keys.
    pub(crate) fn permissions(&self, operation: &str, body: &[u8]) -> Vec<Permission> {
        let input: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name: &str| input.get(name).and_then(Value::as_str);
        let permission = |action: &str, key: Option<&str>| Permission {
            action: format!("kms:{action}"),
            resource: key.map_or_else(|| "*".into(), |key| self.resource_of(key)),
        };
        match operation {
            "CreateKey" | "ListKeys" | "ListAliases" | "GenerateRandom" => vec![permission(operation, None)],
            "CreateAlias" | "UpdateAlias" => vec![
                permission(operation, member("TargetKeyId").or(Some(""))),
                Permission {
                    action: format!("kms:{operation}"),
                    resource: self.alias_arn(member("AliasName").unwrap_or_default()),
                },
            ],
            "DeleteAlias" => {
                let name = member("AliasName").unwrap_or_default();
                vec![
                    permission(operation, Some(name)),
                    Permission { action: format!("kms:{operation}"), resource: self.alias_arn(name) },
                ]
            }
            "Decrypt" => vec![permission(operation, Some(&self.encrypting_key(&input, "KeyId")))],
            "ReEncrypt" => vec![
                permission("ReEncryptFrom", Some(&self.encrypting_key(&input, "SourceKeyId"))),
                permission("ReEncryptTo", member("DestinationKeyId").or(Some(""))),
            ],
            _ => vec![permission(operation, member("KeyId").or(Some("")))],
        }
    }

    // A ciphertext tells which key opens it; what the request says instead only has to agree with it.
    fn encrypting_key(&self, input: &Value, member: &str) -> String {
        let named = input.get("CiphertextBlob").and_then(|blob| {
            let blob: crate::blob::Blob = serde_json::from_value(blob.clone()).ok()?;
            Some(envelope::origin(&blob.0)?.key_id)
        });
        named.or_else(|| Some(input.get(member)?.as_str()?.to_owned())).unwrap_or_default()
    }

    fn resource_of(&self, key: &str) -> String {
        self.resolve(key).map_or_else(
            |_| if key.starts_with("arn:") { key.to_owned() } else { self.key_arn(key) },
            |key| self.key_arn(&key.record.id),
        )
    }
}
