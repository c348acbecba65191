//! Events in the Open Cybersecurity Schema Framework, as security tools import them.
//!
//! Classes: API Activity (6003) for most, Authentication (3002) for `auth.*`, Account Change (3001) for keys,
//! clients and users. See <https://schema.ocsf.io/1.3.0/classes/api_activity>.

use serde_json::{Map, Value, json};

use crate::event::{AuditEvent, Outcome};

/// The schema version the documents follow.
pub const SCHEMA_VERSION: &str = "1.3.0";

/// What stands for "none of the listed activities".
const OTHER: u32 = 99;

struct Class {
    category_uid: u32,
    category_name: &'static str,
    uid: u32,
    name: &'static str,
    activity_id: u32,
    activity_name: &'static str,
}

impl Class {
    fn of(event: &AuditEvent) -> Self {
        let verb = event.action.verb();
        match event.action.subject() {
            "auth" => {
                let (activity_id, activity_name) = match verb {
                    "logon" => (1, "Logon"),
                    "logoff" => (2, "Logoff"),
                    _ => (OTHER, "Other"),
                };
                Self::identity(3002, "Authentication", activity_id, activity_name)
            }
            "key" | "client" | "user" => {
                let (activity_id, activity_name) = match verb {
                    "create" | "issue" | "register" => (1, "Create"),
                    "enable" => (2, "Enable"),
                    "disable" | "revoke" => (5, "Disable"),
                    "delete" => (6, "Delete"),
                    _ => (OTHER, "Other"),
                };
                Self::identity(3001, "Account Change", activity_id, activity_name)
            }
            _ => {
                let (activity_id, activity_name) = match verb {
                    "create" | "start" | "instantiate" | "publish" => (1, "Create"),
                    "read" | "list" | "export" => (2, "Read"),
                    "update" | "decide" | "delegate" | "escalate" | "complete" | "rotate" => (3, "Update"),
                    "delete" | "cancel" => (4, "Delete"),
                    _ => (OTHER, "Other"),
                };
                Self {
                    category_uid: 6,
                    category_name: "Application Activity",
                    uid: 6003,
                    name: "API Activity",
                    activity_id,
                    activity_name,
                }
            }
        }
    }

    const fn identity(uid: u32, name: &'static str, activity_id: u32, activity_name: &'static str) -> Self {
        Self {
            category_uid: 3,
            category_name: "Identity & Access Management",
            uid,
            name,
            activity_id,
            activity_name,
        }
    }
}

/// The event as one OCSF document.
#[must_use]
pub fn document(event: &AuditEvent) -> Value {
    let class = Class::of(event);
    let (status_id, status) = match event.outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Failure | Outcome::Denied => (2, "Failure"),
    };
    let severity_id = if event.outcome == Outcome::Denied { 2 } else { 1 };
    let mut user = json!({ "name": event.actor.principal, "uid": event.actor.principal });
    if let Some(key) = event.actor.key {
        user["credential_uid"] = json!(key);
    }
    let mut actor = json!({ "user": user.clone() });
    if let Some(client) = event.actor.client {
        actor["app_uid"] = json!(client);
    }
    if !event.reasons.is_empty() {
        let policies: Vec<Value> = event.reasons.iter().map(|uid| json!({ "uid": uid })).collect();
        actor["authorizations"] = json!(
            policies
                .iter()
                .map(|policy| json!({
                    "decision": if event.outcome == Outcome::Denied { "Denied" } else { "Allowed" },
                    "policy": policy,
                }))
                .collect::<Vec<_>>()
        );
    }
    let mut document = json!({
        "category_uid": class.category_uid,
        "category_name": class.category_name,
        "class_uid": class.uid,
        "class_name": class.name,
        "activity_id": class.activity_id,
        "activity_name": class.activity_name,
        "type_uid": class.uid * 100 + class.activity_id,
        "type_name": format!("{}: {}", class.name, class.activity_name),
        "time": event.time.as_millisecond(),
        "severity_id": severity_id,
        "severity": if severity_id == 2 { "Low" } else { "Informational" },
        "status_id": status_id,
        "status": status,
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": event.id,
            "tenant_uid": event.actor.tenant,
            "product": { "name": "TOSS", "vendor_name": "TOSS", "version": env!("CARGO_PKG_VERSION") },
        },
        "actor": actor,
        "api": { "operation": event.action.as_str(), "service": { "name": "toss" } },
        "src_endpoint": match event.actor.ip {
            Some(ip) => json!({ "ip": ip }),
            None => json!({ "name": event.actor.principal }),
        },
        "resources": [{ "type": event.target.kind, "uid": event.target.id }],
    });
    if event.outcome == Outcome::Denied {
        document["status_detail"] = json!("denied");
    }
    if class.uid == 3001 {
        document["user"] = json!({ "uid": event.target.id });
    }
    if class.uid == 3002 {
        document["user"] = user;
    }
    let unmapped = unmapped(event);
    if !unmapped.is_empty() {
        document["unmapped"] = Value::Object(unmapped);
    }
    document
}

fn unmapped(event: &AuditEvent) -> Map<String, Value> {
    let mut fields: Map<String, Value> =
        event.details.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(name) = &event.actor.on_behalf_of {
        fields.insert("on_behalf_of".to_owned(), json!(name));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::event;

    #[test]
    fn a_created_workflow_is_api_activity_create() {
        let document = document(&event(1, "workflow.create"));
        assert_eq!(document["class_uid"], 6003);
        assert_eq!(document["type_uid"], 600_301);
        assert_eq!(document["status_id"], 1);
        assert_eq!(document["time"], 1_767_225_600_000_i64);
        assert_eq!(document["metadata"]["uid"], event(1, "x").id.to_string());
        assert_eq!(document["src_endpoint"]["ip"], "203.0.113.9");
    }

    #[test]
    fn an_issued_key_is_an_account_change_and_a_logon_is_an_authentication() {
        assert_eq!(document(&event(1, "key.issue"))["type_uid"], 300_101);
        assert_eq!(document(&event(1, "auth.logon"))["type_uid"], 300_201);
        assert_eq!(document(&event(1, "task.decide"))["type_uid"], 600_303);
        assert_eq!(document(&event(1, "invoice.paid"))["type_uid"], 600_399);
    }

    #[test]
    fn a_denial_says_which_policy_denied() {
        let mut denied = event(1, "execution.read");
        denied.outcome = Outcome::Denied;
        denied.reasons = vec!["tenant-isolation".to_owned()];
        let document = document(&denied);
        assert_eq!(document["status_id"], 2);
        assert_eq!(document["status_detail"], "denied");
        assert_eq!(document["actor"]["authorizations"][0]["policy"]["uid"], "tenant-isolation");
    }
}
