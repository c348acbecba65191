//! A company that uses the platform.

use std::time::Duration;

use serde_json::{Value, json};

use super::{client::Client, eventually, platform::Platform};

/// How long anything may take that the platform does by itself, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A tenant and its administrator's client.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) client: Client,
}

impl Tenant {
    /// Signs one up.
    pub(crate) async fn sign_up(platform: &Platform, name: &str) -> Self {
        let body = json!({ "name": name, "plan": "standard" });
        let tenant = platform.operator().post("/v1/tenants", &body).await.expect(201).json();
        let key = text(&tenant, "api_key");
        Self { id: text(&tenant, "id"), client: platform.client(&key) }
    }

    /// Registers a workflow.
    pub(crate) async fn register(&self, definition: &str) -> Value {
        self.client.post_yaml("/v1/workflows", definition).await.expect(201).json()
    }

    /// Starts a workflow and answers the execution's id.
    pub(crate) async fn start(&self, workflow: &str, input: &Value) -> String {
        let path = format!("/v1/workflows/{workflow}/executions");
        let execution = self.client.post(&path, &json!({ "input": input })).await.expect(201).json();
        text(&execution, "id")
    }

    /// Waits for the end of an execution.
    pub(crate) async fn ended(&self, execution: &str) -> Value {
        eventually(&format!("the end of {execution}"), PATIENCE, async || {
            let execution = self.client.get(&format!("/v1/executions/{execution}")).await.ok();
            (execution["status"] != "running").then_some(execution)
        })
        .await
    }

    /// Waits for the open task of an execution and answers its id.
    pub(crate) async fn task(&self, execution: &str) -> String {
        eventually(&format!("a task of {execution}"), PATIENCE, async || {
            let path = format!("/v1/tasks?status=open&execution_id={execution}");
            let tasks = self.client.get(&path).await.ok();
            tasks["items"].get(0).map(|task| text(task, "id"))
        })
        .await
    }
}

/// A member that must be a text.
#[track_caller]
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("'{name}' is missing in {value}")).to_owned()
}
