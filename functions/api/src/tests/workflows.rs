//! Workflows and executions.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_store::testing::Tables;

use super::{
    machines::Machines,
    support::{Answer, Api, Call, OPERATOR},
};

struct World {
    api: Api,
    machines: Arc<Machines>,
    key: String,
    tenant: String,
}

async fn world() -> World {
    let machines = Arc::new(Machines::default());
    let api = Api::on(&Tables::new().with_service("AWSStepFunctions", machines.service()));
    let (key, tenant) = api.tenant("One").await;
    World { api, machines, key, tenant }
}

fn definition(name: &str) -> Value {
    json!({
        "workflow": name,
        "input": { "type": "object", "required": ["amount"], "properties": { "amount": { "type": "number" } } },
        "steps": { "wait": { "activity": "Delay", "for": "1h", "end": true } },
    })
}

impl World {
    async fn create(&self, name: &str) -> Answer {
        self.api.post(&self.key, "/v1/workflows", definition(name)).await
    }

    async fn start(&self, body: Value) -> Answer {
        self.api.post(&self.key, "/v1/workflows/pay/executions", body).await
    }
}

#[tokio::test]
async fn a_workflow_is_written_in_versions_and_read_back() {
    let world = world().await;
    let first = world.create("pay").await;
    assert_eq!((first.status, &first.body["version"]), (201, &json!(1)), "{first:?}");
    let yaml = "workflow: pay\ntitle: Pays\nsteps:\n  wait: { activity: Delay, for: 2h, end: true }\n";
    let call = Call { key: &world.key, media_type: Some("application/yaml"), ..Call::default() };
    let second = world.api.call("POST", "/v1/workflows", call, Some(yaml.into())).await;
    assert_eq!((second.status, &second.body["version"]), (201, &json!(2)), "{second:?}");
    let read = world.api.get(&world.key, "/v1/workflows/pay").await;
    assert_eq!((read.text("/source"), read.text("/definition/title")), (yaml.into(), "Pays".into()));
    let versions = world.api.get(&world.key, "/v1/workflows/pay/versions").await;
    assert_eq!(versions.body["items"].as_array().unwrap().len(), 2);
    let asl = world.api.get(&world.key, "/v1/workflows/pay/asl?version=1").await;
    assert_eq!(asl.text("/QueryLanguage"), "JSONata");
    assert_eq!(world.api.get(&world.key, "/v1/workflows/pay/versions/3").await.status, 404);
    let listed = world.api.get(&world.key, "/v1/workflows").await;
    assert_eq!(
        (listed.text("/items/0/title"), &listed.body["items"][0]["version"]),
        ("Pays".into(), &json!(2))
    );
}

#[tokio::test]
async fn all_problems_of_a_definition_are_told_with_their_places() {
    let world = world().await;
    let wrong = json!({
        "workflow": "Pay!", "input": { "type": "moon" },
        "steps": { "wait": { "activity": "Dalay", "for": "1h", "next": "gone" } },
    });
    let refused = world.api.post(&world.key, "/v1/workflows", wrong.clone()).await;
    assert_eq!(refused.status, 422);
    let problems = refused.body["problems"].as_array().unwrap();
    assert!(problems.len() >= 3, "{refused:?}");
    assert!(problems.iter().any(|problem| problem["pointer"] == "/input"), "{refused:?}");
    assert!(problems.iter().all(|problem| problem["code"].is_string() && problem["message"].is_string()));
    let verdict = world.api.post(&world.key, "/v1/workflows/validate", wrong).await;
    assert_eq!((verdict.status, &verdict.body["valid"]), (200, &json!(false)));
    assert_eq!(&verdict.body["problems"], &refused.body["problems"]);
    let verdict = world.api.post(&world.key, "/v1/workflows/validate", definition("pay")).await;
    assert_eq!(verdict.body, json!({ "valid": true, "problems": [] }));
}

#[tokio::test]
async fn an_execution_is_started_once_under_its_name_and_refused_with_another_input() {
    let world = world().await;
    world.create("pay").await;
    let first = world.start(json!({ "input": { "amount": 1 }, "name": "invoice-1" })).await;
    assert_eq!((first.status, first.text("/status")), (201, "running".into()), "{first:?}");
    let again = world.start(json!({ "input": { "amount": 1 }, "name": "invoice-1" })).await;
    assert_eq!((again.status, again.text("/id")), (200, first.text("/id")));
    let other = world.start(json!({ "input": { "amount": 2 }, "name": "invoice-1" })).await;
    assert_eq!((other.status, other.text("/type")), (409, "urn:toss:problem:execution-name-taken".into()));
    let unfit = world.start(json!({ "input": { "amount": "much" } })).await;
    assert_eq!((unfit.status, unfit.text("/problems/0/pointer")), (422, "/input/amount".into()));
    assert_eq!(world.machines.executions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_execution_that_was_written_down_and_not_started_is_started_by_whoever_meets_it() {
    let world = world().await;
    world.create("pay").await;
    world.machines.broken.lock().unwrap().push("StartExecution");
    let call = Call { key: &world.key, idempotency: Some("start-1"), ..Call::default() };
    let body = || Some(json!({ "input": { "amount": 1 } }).to_string());
    let died = world.api.call("POST", "/v1/workflows/pay/executions", call.clone(), body()).await;
    assert_eq!(died.status, 500, "{died:?}");
    let listed = world.api.get(&world.key, "/v1/executions").await;
    let id = listed.text("/items/0/id");
    assert_eq!(world.machines.executions.lock().unwrap().len(), 0);
    assert_eq!(world.api.get(&world.key, &format!("/v1/executions/{id}")).await.status, 200);
    assert_eq!(world.machines.executions.lock().unwrap().len(), 1);
    let again = world.api.call("POST", "/v1/workflows/pay/executions", call, body()).await;
    assert_eq!((again.status, again.text("/id")), (201, id), "{again:?}");
    assert_eq!(world.machines.executions.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_whose_creation_died_is_finished_by_the_same_request() {
    let world = world().await;
    world.machines.broken.lock().unwrap().push("CreateStateMachine");
    let call = Call { key: &world.key, idempotency: Some("create-1"), media_type: Some("application/json") };
    let body = || Some(definition("pay").to_string());
    assert_eq!(world.api.call("POST", "/v1/workflows", call.clone(), body()).await.status, 500);
    assert_eq!(world.api.get(&world.key, "/v1/workflows/pay").await.status, 404);
    let again = world.api.call("POST", "/v1/workflows", call, body()).await;
    assert_eq!((again.status, &again.body["version"]), (201, &json!(1)), "{again:?}");
    assert_eq!(world.create("pay").await.body["version"], 2);
    assert_eq!(world.machines.machines.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_execution_is_read_as_it_stands_at_this_moment() {
    let world = world().await;
    world.create("pay").await;
    let id = world.start(json!({ "input": { "amount": 1 } })).await.text("/id");
    let path = format!("/v1/executions/{id}");
    let running = world.api.get(&world.key, &path).await;
    assert_eq!(
        (running.text("/status"), &running.body["input"]),
        ("running".into(), &json!({ "amount": 1 }))
    );
    assert_eq!(running.body["output"], Value::Null);
    world.machines.finish(&id, "SUCCEEDED", &json!({ "paid": true }));
    let done = world.api.get(&world.key, &path).await;
    assert_eq!((done.text("/status"), &done.body["output"]), ("succeeded".into(), &json!({ "paid": true })));
    let history = world.api.get(&world.key, &format!("{path}/history?limit=10")).await;
    assert_eq!(
        (history.text("/items/0/type"), history.text("/items/1/step")),
        ("ExecutionStarted".into(), "check".into())
    );
    assert_eq!(world.api.post(&world.key, &format!("{path}/cancel"), json!({})).await.status, 409);
    assert_eq!(world.api.post(&world.key, &format!("{path}/redrive"), json!({})).await.status, 409);
}

#[tokio::test]
async fn a_cancelled_execution_can_be_taken_up_again() {
    let world = world().await;
    world.create("pay").await;
    let id = world.start(json!({ "input": { "amount": 1 } })).await.text("/id");
    let path = format!("/v1/executions/{id}");
    assert_eq!(world.api.post(&world.key, &format!("{path}/redrive"), json!({})).await.status, 409);
    let cancelled =
        world.api.post(&world.key, &format!("{path}/cancel"), json!({ "reason": "wrong invoice" })).await;
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    assert_eq!(world.api.get(&world.key, &path).await.text("/status"), "cancelled");
    assert_eq!(world.api.post(&world.key, &format!("{path}/cancel"), json!({})).await.status, 202);
    assert_eq!(world.api.post(&world.key, &format!("{path}/redrive"), json!({})).await.status, 202);
    let again = world.api.get(&world.key, &path).await;
    assert_eq!((again.text("/status"), &again.body["redrives"]), ("running".into(), &json!(1)));
}

#[tokio::test]
async fn another_tenant_finds_nothing_at_all() {
    let world = world().await;
    world.create("pay").await;
    let id = world.start(json!({ "input": { "amount": 1 } })).await.text("/id");
    let (other, _) = world.api.tenant("Other").await;
    for path in [
        "/v1/workflows/pay".to_owned(),
        "/v1/workflows/pay/asl".into(),
        format!("/v1/executions/{id}"),
        format!("/v1/executions/{id}/history"),
    ] {
        assert_eq!(world.api.get(&other, &path).await.status, 404, "{path}");
        assert_eq!(world.api.get(OPERATOR, &path).await.status, 403, "{path}");
    }
    for verb in ["cancel", "redrive"] {
        assert_eq!(
            world.api.post(&other, &format!("/v1/executions/{id}/{verb}"), json!({})).await.status,
            404
        );
    }
    assert_eq!(world.api.post(&other, "/v1/workflows/pay/executions", json!({})).await.status, 404);
    assert_eq!(world.api.delete(&other, "/v1/workflows/pay").await.status, 404);
    assert_eq!(world.api.get(&other, "/v1/executions").await.body["items"], json!([]));
    assert_eq!(world.api.get(&world.key, "/v1/workflows/pay").await.status, 200);
}

#[tokio::test]
async fn executions_are_listed_by_status_and_by_workflow() {
    let world = world().await;
    world.create("pay").await;
    world.create("refund").await;
    for amount in 0..3 {
        world.start(json!({ "input": { "amount": amount } })).await;
    }
    let path = "/v1/workflows/refund/executions";
    world.api.post(&world.key, path, json!({ "input": { "amount": 9 } })).await;
    let count = async |query: &str| {
        let page = world.api.get(&world.key, &format!("/v1/executions{query}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.body["items"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count("?workflow=pay").await, 3);
    assert_eq!(count("?status=running").await, 4);
    assert_eq!(count("?status=failed").await, 0);
    assert_eq!(count("?workflow=refund&status=running").await, 1);
    assert_eq!(count("?workflow=pay&status=succeeded").await, 0);
    assert_eq!(world.api.get(&world.key, "/v1/executions?status=asleep").await.status, 400);
}

#[tokio::test]
async fn a_deleted_workflow_is_gone_and_its_name_is_free() {
    let world = world().await;
    let first = world.create("pay").await;
    assert_eq!(world.api.delete(&world.key, "/v1/workflows/pay").await.status, 204);
    assert_eq!(world.api.get(&world.key, "/v1/workflows/pay").await.status, 404);
    assert_eq!(world.start(json!({ "input": { "amount": 1 } })).await.status, 404);
    assert!(world.machines.machines.lock().unwrap().is_empty());
    let second = world.create("pay").await;
    assert_eq!(second.body["version"], 1);
    assert_ne!(second.text("/id"), first.text("/id"));
}

#[tokio::test]
async fn a_template_becomes_a_workflow() {
    let world = world().await;
    let template = world.api.get(&world.key, "/v1/templates/invoice-approval").await;
    assert_eq!(template.status, 200, "{template:?}");
    let body = json!({
        "name": "invoices",
        "parameters": { "payment_url": "https://bank.example/pay", "ledger_url": "https://ledger.example/reserve" },
    });
    let made = world.api.post(&world.key, "/v1/templates/invoice-approval/instantiate", body).await;
    assert_eq!((made.status, made.text("/name")), (201, "invoices".into()), "{made:?}");
    assert_eq!(world.api.get(&world.key, "/v1/workflows/invoices").await.status, 200);
    let refused = world
        .api
        .post(&world.key, "/v1/templates/invoice-approval/instantiate", json!({ "name": "x" }))
        .await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(world.api.get(&world.key, "/v1/templates/nothing").await.status, 404);
}

#[tokio::test]
async fn whatever_changes_is_in_the_audit_log_with_it() {
    let world = world().await;
    world.create("pay").await;
    let id = world.start(json!({ "input": { "amount": 1 } })).await.text("/id");
    world.api.post(&world.key, &format!("/v1/executions/{id}/cancel"), json!({})).await;
    world.api.get(&world.key, "/v1/tenants").await;
    let scope = toss_runtime::scope::of_platform_record(world.tenant.parse().unwrap());
    let records = toss_store::Store::new(&world.api.platform)
        .list::<toss_store::audit::AuditRecord>(toss_store::audit::AuditRecord::of_tenant(&scope, None, None))
        .await
        .unwrap();
    let actions: Vec<&str> = records.items.iter().map(|record| record.action.as_str()).collect();
    for action in ["tenant.create", "workflow.create", "execution.start", "execution.cancel", "access.deny"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
}
