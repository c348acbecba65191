//! Whoever is not sure that a request arrived may send it again.

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    platform::Platform,
    tenant::Tenant,
};

const REST: &str = "workflow: rest\nsteps: { rest: { activity: Delay, for: 1s, end: true } }\n";

async fn create(client: &Client, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send(http::Method::POST, "/v1/clients", &headers, body.to_string()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_the_same_idempotency_key_is_carried_out_once() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    let body = json!({ "name": "erp", "type": "api", "scopes": [] });

    let first = create(&tenant.client, "order-4711", &body).await.expect(201);
    let again = create(&tenant.client, "order-4711", &body).await.expect(201);
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotency-replayed"), "true");

    let other = json!({ "name": "another", "type": "api", "scopes": [] });
    let refused = create(&tenant.client, "order-4711", &other).await.expect(422);
    assert_eq!(refused.header("content-type"), "application/problem+json");

    let clients = tenant.client.get("/v1/clients").await.ok();
    let named = clients["items"].as_array().unwrap().iter().filter(|client| client["name"] == "erp").count();
    assert_eq!(named, 1);

    // Another tenant's keys are its own.
    let neighbour = Tenant::sign_up(&platform, "Neighbour").await;
    let fresh = create(&neighbour.client, "order-4711", &body).await.expect(201);
    assert_ne!(fresh.text, first.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_with_one_idempotency_key_at_once_make_one_thing() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    let body = json!({ "name": "once", "type": "api", "scopes": [] });
    let answers = futures::future::join_all((0..16).map(|_| create(&tenant.client, "at-once", &body))).await;
    // While one of them is carried out, the others may be told to come back: that is 409, never a second client.
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
    let clients = tenant.client.get("/v1/clients").await.ok();
    let named = clients["items"].as_array().unwrap().iter().filter(|client| client["name"] == "once").count();
    assert_eq!(named, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_an_execution_starts_it_once() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    tenant.register(REST).await;
    let path = "/v1/workflows/rest/executions";
    let body = json!({ "input": { "n": 1 }, "name": "monday" });

    let first = tenant.client.post(path, &body).await.expect(201).json();
    let again = tenant.client.post(path, &body).await;
    assert!(matches!(again.status, 200 | 201), "{again:?}");
    assert_eq!(again.json()["id"], first["id"]);

    let other = json!({ "input": { "n": 2 }, "name": "monday" });
    tenant.client.post(path, &other).await.expect(409);

    let at_once = json!({ "input": {}, "name": "tuesday" });
    let answers = futures::future::join_all((0..16).map(|_| tenant.client.post(path, &at_once))).await;
    let ids: std::collections::BTreeSet<String> = answers
        .into_iter()
        .filter(|answer| answer.status != 409)
        .map(|answer| answer.ok()["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    // The end does not free the name.
    assert_eq!(tenant.ended(first["id"].as_str().unwrap()).await["status"], "succeeded");
    assert_eq!(tenant.client.post(path, &body).await.ok()["id"], first["id"]);
}
