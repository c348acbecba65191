//! One of everything that a tenant can have.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    eventually,
    openapi::Route,
    receiver::Receiver,
    tenant::{PATIENCE, Tenant, text},
};

const ASK: &str = "workflow: secret-plan\nsteps: { ask: { activity: UserApproval, with: { title: 'Buy Blue Harbour?', assignees: [board] }, end: true } }\n";

/// A tenant's things: what a parameter of a path below a prefix stands for.
pub(crate) struct Things(BTreeMap<(&'static str, &'static str), String>);

impl Things {
    /// One of each, made through the API.
    pub(crate) async fn make(tenant: &Tenant, receiver: &Receiver) -> Self {
        let client = &tenant.client;
        let workflow = tenant.register(ASK).await;
        let execution = tenant.start("secret-plan", &json!({ "price": 1 })).await;
        let task = tenant.task(&execution).await;
        let endpoint =
            json!({ "url": receiver.url("/hooks"), "events": ["execution.started", "task.created"] });
        let endpoint = text(&client.post("/v1/webhooks", &endpoint).await.expect(201).json(), "id");
        tenant.start("secret-plan", &json!({})).await;
        let delivery = eventually("a delivery", PATIENCE, async || {
            let deliveries = client.get(&format!("/v1/webhooks/{endpoint}/deliveries")).await.ok();
            deliveries["items"].get(0).map(|delivery| text(delivery, "id"))
        })
        .await;
        let application = json!({ "name": "erp", "type": "api", "scopes": [] });
        let application = text(&client.post("/v1/clients", &application).await.expect(201).json(), "id");
        let key =
            client.post(&format!("/v1/clients/{application}/keys"), &json!({})).await.expect(201).json();
        let event = eventually("an audit event", PATIENCE, async || {
            let events = client.get("/v1/audit/events").await.ok();
            events["items"].get(0).map(|event| text(event, "id"))
        })
        .await;
        client.put("/v1/groups/board", &json!({ "members": ["dana"] })).await.ok();
        let mut things = BTreeMap::from([
            (("/v1/tenants/", "id"), tenant.id.clone()),
            (("/v1/workflows/", "name"), "secret-plan".to_owned()),
            (("/v1/workflows/", "version"), workflow["version"].to_string()),
            (("/v1/executions/", "id"), execution),
            (("/v1/executions/", "name"), "go".to_owned()),
            (("/v1/tasks/", "id"), task),
            (("/v1/webhooks/", "id"), endpoint),
            (("/v1/webhooks/", "delivery_id"), delivery),
            (("/v1/clients/", "id"), application),
            (("/v1/clients/", "key_id"), text(&key, "id")),
            (("/v1/audit/", "id"), event),
            (("/v1/groups/", "name"), "board".to_owned()),
        ]);
        // A person and a notice, where the API has them.
        let user = client.post("/v1/users", &json!({ "name": "dana" })).await;
        if user.status < 300 {
            things.insert(("/v1/users/", "id"), text(&user.json(), "id"));
        }
        Self(things)
    }

    /// What a parameter below a prefix stands for.
    pub(crate) fn get(&self, prefix: &'static str, name: &'static str) -> String {
        self.0[&(prefix, name)].clone()
    }

    /// What stands for a route's parameter.
    pub(crate) fn value(&self, route: &Route, parameter: &str) -> String {
        let known =
            self.0.iter().find(|((prefix, name), _)| route.path.starts_with(prefix) && *name == parameter);
        known.map_or_else(
            || panic!("{} {}: say in Things::make what '{parameter}' stands for", route.method, route.path),
            |(_, value)| value.clone(),
        )
    }

    /// Texts of the tenant that nobody else may see.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str).filter(|value| value.len() > 8)
    }
}
