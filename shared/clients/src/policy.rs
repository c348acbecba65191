//! The authorisation policy: roles and scopes to actions, in Cedar; what nothing permits is denied.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr as _,
    sync::LazyLock,
};

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy as CedarPolicy,
    PolicyId, PolicySet, Request, RestrictedExpression, Schema,
};
use toss_kernel::{Principal, Role};

const POLICY: &str = include_str!("policy.cedar");
const SCHEMA: &str = include_str!("policy.cedarschema");

/// The policy could not be read, or a request could not be put to it; both are defects of this build.
#[derive(Debug, thiserror::Error)]
#[error("the authorisation policy: {0}")]
pub struct PolicyError(String);

impl PolicyError {
    fn because(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// What the policy says to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is permitted.
    pub allowed: bool,
    /// The ids of the policies that decided; none for the default denial.
    pub reasons: Vec<String>,
}

/// The policy of this build.
pub struct Policy {
    policies: PolicySet,
    schema: Schema,
    authorizer: Authorizer,
    types: Types,
}

struct Types {
    principal: EntityTypeName,
    role: EntityTypeName,
    action: EntityTypeName,
    platform: EntityUid,
}

static EMBEDDED: LazyLock<Result<Policy, PolicyError>> = LazyLock::new(|| Policy::parse(POLICY, SCHEMA));

impl Policy {
    /// The policy that this build was made with, read once in a process.
    ///
    /// # Errors
    /// [`PolicyError`] when it cannot be read; a test of this crate reads it.
    pub fn embedded() -> Result<&'static Self, &'static PolicyError> {
        EMBEDDED.as_ref()
    }

    fn parse(policy: &str, schema: &str) -> Result<Self, PolicyError> {
        let (schema, _) = Schema::from_cedarschema_str(schema).map_err(PolicyError::because)?;
        let parsed = PolicySet::from_str(policy).map_err(PolicyError::because)?;
        let named = parsed.policies().map(named).collect::<Result<Vec<_>, _>>()?;
        let name = |name: &str| EntityTypeName::from_str(name).map_err(PolicyError::because);
        let types = Types {
            principal: name("Principal")?,
            role: name("Role")?,
            action: name("Action")?,
            platform: EntityUid::from_type_name_and_id(name("Platform")?, EntityId::new("toss")),
        };
        let policies = PolicySet::from_policies(named).map_err(PolicyError::because)?;
        Ok(Self { policies, schema, authorizer: Authorizer::new(), types })
    }

    /// All actions that the policy knows, in alphabetical order.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> =
            self.schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        actions.sort();
        actions
    }

    /// Whether a scope covers any action: `tasks:decide`, `tasks:write` or `tasks:*`.
    #[must_use]
    pub fn knows_scope(&self, scope: &str) -> bool {
        self.actions().iter().any(|action| covering_scopes(action).iter().any(|covering| covering == scope))
    }

    /// Puts a request to the policy. What cannot be put to it, such as an action it does not know, is denied.
    #[must_use]
    pub fn decide(&self, principal: &Principal, action: &str) -> Decision {
        self.evaluate(principal, action).unwrap_or_else(|error| {
            tracing::error!(%error, action, "denied because the policy could not be asked");
            Decision { allowed: false, reasons: Vec::new() }
        })
    }

    fn evaluate(&self, principal: &Principal, action: &str) -> Result<Decision, PolicyError> {
        let id = |kind: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
        };
        let caller = id(&self.types.principal, "caller");
        let roles: HashSet<EntityUid> =
            principal.roles.iter().map(|role| id(&self.types.role, role_name(*role))).collect();
        let set = |texts: &mut dyn Iterator<Item = &String>| {
            RestrictedExpression::new_set(texts.map(|text| RestrictedExpression::new_string(text.clone())))
        };
        let attributes = HashMap::from([
            ("name".to_owned(), RestrictedExpression::new_string(principal.name.clone())),
            ("scopes".to_owned(), set(&mut principal.scopes.iter())),
        ]);
        let entity = Entity::new(caller.clone(), attributes, roles).map_err(PolicyError::because)?;
        let entities = Entities::from_entities([entity], Some(&self.schema)).map_err(PolicyError::because)?;
        let covering = covering_scopes(action);
        let context = Context::from_pairs([("covering".to_owned(), set(&mut covering.iter()))])
            .map_err(PolicyError::because)?;
        let action = id(&self.types.action, action);
        let request = Request::new(caller, action, self.types.platform.clone(), context, Some(&self.schema))
            .map_err(PolicyError::because)?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        Ok(Decision {
            allowed: response.decision() == cedar_policy::Decision::Allow,
            reasons: response.diagnostics().reason().map(ToString::to_string).collect(),
        })
    }
}

/// A policy under the name that its annotation gives it.
fn named(policy: &CedarPolicy) -> Result<CedarPolicy, PolicyError> {
    let name = policy.annotation("id").ok_or_else(|| PolicyError("a policy has no @id".to_owned()))?;
    Ok(policy.new_id(PolicyId::new(name)))
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Operator => "operator",
        Role::Admin => "admin",
        Role::Author => "author",
        Role::Approver => "approver",
        Role::Auditor => "auditor",
    }
}

/// The scopes that cover an action: itself, all of its subject, and all of its subject that changes something.
#[must_use]
pub fn covering_scopes(action: &str) -> Vec<String> {
    let Some((subject, verb)) = action.split_once(':') else { return vec![action.to_owned()] };
    let mut scopes = vec![action.to_owned(), format!("{subject}:*")];
    if !matches!(verb, "read" | "list" | "export" | "validate") {
        scopes.push(format!("{subject}:write"));
    }
    scopes
}

#[cfg(test)]
mod tests {
    use cedar_policy::{ValidationMode, Validator};

    use super::*;

    fn caller(roles: &[Role], scopes: &[&str]) -> Principal {
        Principal {
            tenant: None,
            client: None,
            key: None,
            name: "someone \" odd \u{0}".into(),
            roles: roles.iter().copied().collect(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    fn allowed(roles: &[Role], scopes: &[&str], action: &str) -> bool {
        Policy::embedded().unwrap().decide(&caller(roles, scopes), action).allowed
    }

    #[test]
    fn the_policy_fits_its_schema() {
        let policy = Policy::parse(POLICY, SCHEMA).unwrap();
        let outcome =
            Validator::new(policy.schema.clone()).validate(&policy.policies, ValidationMode::Strict);
        assert!(outcome.validation_passed(), "{outcome}");
        assert_eq!(outcome.validation_warnings().count(), 0, "{outcome}");
    }

    #[test]
    fn each_role_may_do_its_own_and_no_other() {
        for (role, action, expected) in [
            (Role::Operator, "tenants:create", true),
            (Role::Operator, "workflows:create", false),
            (Role::Admin, "workflows:create", true),
            (Role::Admin, "clients:create", true),
            (Role::Admin, "tenants:read", true),
            (Role::Admin, "tenants:create", false),
            (Role::Admin, "tenants:update", false),
            (Role::Author, "workflows:create", true),
            (Role::Author, "clients:create", false),
            (Role::Author, "tasks:decide", false),
            (Role::Approver, "tasks:decide", true),
            (Role::Approver, "workflows:create", false),
            (Role::Auditor, "audit:read", true),
            (Role::Auditor, "tasks:decide", false),
        ] {
            assert_eq!(allowed(&[role], &[], action), expected, "{role:?} {action}");
        }
    }

    #[test]
    fn without_a_role_or_with_an_unknown_action_nothing_is_allowed() {
        let policy = Policy::embedded().unwrap();
        for action in policy.actions() {
            assert!(!allowed(&[], &[], &action), "{action}");
        }
        assert!(!allowed(&[Role::Admin], &[], "moon:land"));
        assert!(!allowed(&[Role::Admin], &[], ""));
    }

    #[test]
    fn scopes_narrow_and_never_widen() {
        assert!(allowed(&[Role::Admin], &["executions:read"], "executions:read"));
        assert!(!allowed(&[Role::Admin], &["executions:read"], "executions:start"));
        assert!(allowed(&[Role::Admin], &["executions:*"], "executions:start"));
        assert!(allowed(&[Role::Admin], &["executions:write"], "executions:start"));
        assert!(!allowed(&[Role::Admin], &["executions:write"], "executions:read"));
        assert!(!allowed(&[Role::Auditor], &["executions:*"], "executions:start"));
    }

    #[test]
    fn a_decision_names_the_policies_behind_it() {
        let policy = Policy::embedded().unwrap();
        let yes = policy.decide(&caller(&[Role::Author], &[]), "workflows:create");
        assert_eq!(yes.reasons, ["author-writes-and-runs-workflows"]);
        let no = policy.decide(&caller(&[Role::Author], &["tasks:read"]), "workflows:create");
        assert_eq!(no.reasons, ["scopes-narrow-roles"]);
    }
}
