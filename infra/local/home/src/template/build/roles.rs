//! Roles and the policies attached to them.

use serde_json::Value;

use super::fields::Fields;
use super::policies;
use crate::iam::Statement;
use crate::template::model::{Model, Role};

pub(super) fn add(model: &mut Model, fields: Fields<'_>) {
    let name = fields.resource.name.clone();
    let arn = fields.place().iam_arn(&format!("role/{name}"));
    let mut statements = Vec::new();
    for policy in fields.list("Policies") {
        if let Some(document) = policy.get("PolicyDocument") {
            statements.extend(policies::document(&fields, document));
        }
    }
    let trusted = fields.raw("AssumeRolePolicyDocument").map(trusted_services).unwrap_or_default();
    model.roles.insert(arn.clone(), Role { arn, name, statements, trusted });
}

/// The role that SAM makes for a function that names none.
pub(super) fn implicit(fields: &Fields<'_>) -> Role {
    let name = format!("{}-{}Role", fields.resource.stack, fields.resource.logical);
    let arn = fields.place().iam_arn(&format!("role/{name}"));
    let mut statements = Vec::new();
    for policy in fields.list("Policies") {
        statements.extend(function_policy(fields, policy));
    }
    Role { arn, name, statements, trusted: vec!["lambda.amazonaws.com".into()] }
}

fn function_policy(fields: &Fields<'_>, policy: &Value) -> Vec<Statement> {
    match policy {
        // Resolved by `attach_managed`, when all policies are known.
        Value::String(_) => Vec::new(),
        Value::Object(members) if members.contains_key("Statement") => policies::document(fields, policy),
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, arguments)| policies::sam_template(fields, name, arguments))
            .flat_map(|document| policies::document(fields, &document))
            .collect(),
        _ => {
            fields.problem("a policy must be a name, an ARN, a document or a policy template");
            Vec::new()
        }
    }
}

/// A policy of its own, onto the roles that it names.
pub(super) fn attach_policy(model: &mut Model, fields: Fields<'_>) {
    let Some(document) = fields.raw("PolicyDocument") else {
        fields.problem("PolicyDocument is missing");
        return;
    };
    let statements = policies::document(&fields, document);
    let mut roles = fields.texts("Roles");
    roles.extend(fields.text("RoleName"));
    for name in roles {
        match model.roles.values_mut().find(|role| role.name == name) {
            Some(role) => role.statements.extend(statements.iter().cloned()),
            None => fields.problem(format!("the role {name} is not in the template")),
        }
    }
    if fields.resource.kind == "AWS::IAM::ManagedPolicy" {
        let arn = fields.place().iam_arn(&format!("policy/{}", fields.resource.name));
        model.managed_policies.insert(arn, statements);
    }
}

/// Policies that a role, or a function with a role of its own, names by ARN.
pub(super) fn attach_managed(model: &mut Model, fields: Fields<'_>) {
    let is_role = fields.resource.kind == "AWS::IAM::Role";
    if !is_role && fields.raw("Role").is_some() {
        return;
    }
    let property = if is_role { "ManagedPolicyArns" } else { "Policies" };
    let suffix = if is_role {
        String::new()
    } else {
        format!("{}-{}Role", fields.resource.stack, fields.resource.logical)
    };
    let role_name = if is_role { fields.resource.name.clone() } else { suffix };
    for named in fields.texts(property) {
        if policies::harmless_managed(&named) {
            continue;
        }
        let Some(statements) = model.managed_policies.get(&named).cloned() else {
            fields.problem(format!(
                "the policy {named} is not in the template, so what it allows is not known"
            ));
            continue;
        };
        if let Some(role) = model.roles.values_mut().find(|role| role.name == role_name) {
            role.statements.extend(statements);
        }
    }
}

fn trusted_services(document: &Value) -> Vec<String> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    let services = statements.iter().filter_map(|statement| statement.get("Principal")?.get("Service"));
    services
        .flat_map(|service| match service {
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            Value::String(name) => vec![name.clone()],
            _ => Vec::new(),
        })
        .collect()
}
