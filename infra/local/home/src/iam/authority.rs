//! Who may do what: the roles of the template, asked before every call.

use std::collections::BTreeMap;

use toss_local_protocol::{Caller, ServiceError};

use super::access::Access;
use super::statement::Statement;
use crate::template::model::Role;

/// The roles of a home.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    roles: BTreeMap<String, KnownRole>,
}

#[derive(Debug)]
struct KnownRole {
    name: String,
    statements: Vec<Statement>,
}

impl Authority {
    /// An authority over the roles of a template.
    pub(crate) fn new<'r>(roles: impl IntoIterator<Item = &'r Role>) -> Self {
        let known = |role: &Role| {
            (role.arn.clone(), KnownRole { name: role.name.clone(), statements: role.statements.clone() })
        };
        Self { roles: roles.into_iter().map(known).collect() }
    }

    /// Refuses a caller whose role does not allow one of the accesses.
    pub(crate) fn check(&self, caller: &Caller, accesses: &[Access]) -> Result<(), ServiceError> {
        let Caller::Role { arn, session } = caller else { return Ok(()) };
        match accesses.iter().find_map(|access| self.refusal(arn, session, access)) {
            Some(message) => Err(ServiceError::client("AccessDeniedException", message)),
            None => Ok(()),
        }
    }

    /// Why an access is refused, in IAM's words; `None` when it is allowed.
    pub(crate) fn refusal(&self, role_arn: &str, session: &str, access: &Access) -> Option<String> {
        let role = self.roles.get(role_arn);
        let mut allowed = false;
        let mut denied = false;
        for statement in role.map(|role| role.statements.as_slice()).unwrap_or_default() {
            if statement.concerns(access) {
                allowed |= statement.allows();
                denied |= !statement.allows();
            }
        }
        if allowed && !denied {
            return None;
        }
        let Access { action, resource, .. } = access;
        let name =
            role.map_or_else(|| role_arn.rsplit('/').next().unwrap_or_default(), |role| role.name.as_str());
        let user = format!("arn:aws:sts::{}:assumed-role/{name}/{session}", crate::template::ACCOUNT);
        let because = if denied {
            "with an explicit deny in an identity-based policy".to_owned()
        } else {
            format!("because no identity-based policy allows the {action} action")
        };
        Some(format!("User: {user} is not authorized to perform: {action} on resource: {resource} {because}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn authority(statements: &Value) -> Authority {
        let statements =
            statements.as_array().unwrap().iter().map(|one| Statement::from_json(one).unwrap()).collect();
        let role = Role { arn: "arn:role".into(), name: "role".into(), statements, trusted: vec![] };
        Authority::new([&role])
    }

    fn refused(authority: &Authority, access: &Access) -> bool {
        authority.refusal("arn:role", "function", access).is_some()
    }

    #[test]
    fn what_nothing_allows_is_refused_in_the_words_of_iam() {
        let authority =
            authority(&json!([{ "Effect": "Allow", "Action": "sqs:Send*", "Resource": "arn:q" }]));
        assert!(!refused(&authority, &Access::new("sqs:SendMessage", "arn:q")));
        let message =
            authority.refusal("arn:role", "tasks", &Access::new("sqs:SendMessage", "arn:other")).unwrap();
        assert!(message.starts_with(
            "User: arn:aws:sts::000000000000:assumed-role/role/tasks is not authorized to perform: \
             sqs:SendMessage on resource: arn:other"
        ));
    }

    #[test]
    fn an_explicit_deny_wins() {
        let authority = authority(&json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*" },
        ]));
        assert!(refused(&authority, &Access::new("kms:Decrypt", "arn:key")));
        assert!(!refused(&authority, &Access::new("kms:Encrypt", "arn:key")));
    }

    #[test]
    fn leading_keys_narrow_a_table_to_a_tenant() {
        let authority = authority(&json!([{
            "Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:t",
            "Condition": {
                "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["T#ten_a*"] },
                "Null": { "dynamodb:LeadingKeys": "false" },
            },
        }]));
        let access = |keys: &[&str]| {
            let mut access = Access::new("dynamodb:GetItem", "arn:t");
            access.add_context("dynamodb:LeadingKeys", keys.iter().map(|key| (*key).to_owned()).collect());
            access
        };
        assert!(!refused(&authority, &access(&["T#ten_a"])));
        assert!(refused(&authority, &access(&["T#ten_a", "T#ten_b"])));
        assert!(refused(&authority, &access(&[])));
    }

    #[test]
    fn the_owner_is_never_refused() {
        let authority = authority(&json!([]));
        assert_eq!(authority.check(&Caller::Owner, &[Access::new("sqs:SendMessage", "arn:q")]), Ok(()));
    }
}
