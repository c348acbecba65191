//! Webhooks, as a receiver with the libraries of Standard Webhooks sees them.

use std::{io::Write as _, time::Duration};

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::support::{
    eventually,
    platform::Platform,
    python,
    receiver::{Received, Receiver},
    tenant::{PATIENCE, Tenant, text},
};

const REST: &str = "workflow: rest\nsteps: { rest: { activity: Delay, for: 1s, end: true } }\n";

/// A tenant with an endpoint at the receiver, whose workflow has run once.
async fn told(platform: &Platform, receiver: &Receiver) -> (Tenant, Value, String) {
    let tenant = Tenant::sign_up(platform, "Acme").await;
    let endpoint = json!({ "url": receiver.url("/hooks"), "events": ["execution.succeeded"] });
    let endpoint = tenant.client.post("/v1/webhooks", &endpoint).await.expect(201).json();
    tenant.register(REST).await;
    let execution = tenant.start("rest", &json!({})).await;
    (tenant, endpoint, execution)
}

async fn arrivals(receiver: &Receiver, count: usize) -> Vec<Received> {
    eventually(&format!("webhook number {count}"), PATIENCE, async || {
        let received = receiver.on(&Method::POST, "/hooks");
        (received.len() >= count).then_some(received)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_verifies_with_the_libraries_of_standard_webhooks() {
    let (platform, receiver) = (Platform::start(), Receiver::start().await);
    let (_, endpoint, execution) = told(&platform, &receiver).await;
    let secret = text(&endpoint, "secret");
    let webhook = arrivals(&receiver, 1).await.remove(0);

    let body: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(body["type"], "execution.succeeded");
    assert!(body["timestamp"].is_string(), "{body}");
    assert!(body["data"].to_string().contains(&execution), "{body}");

    let verifier = Webhook::new(&secret).unwrap();
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, webhook.headers[name].clone());
    }
    verifier.verify(&webhook.body, &headers).unwrap();
    assert!(verifier.verify(b"{}", &headers).is_err(), "a forged body must not verify");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    let message = json!({
        "secret": secret,
        "headers": { "webhook-id": webhook.header("webhook-id"), "webhook-timestamp": webhook.header("webhook-timestamp"), "webhook-signature": webhook.header("webhook-signature") },
        "body": String::from_utf8(webhook.body.to_vec()).unwrap(),
    });
    write!(file, "{message}").unwrap();
    assert_eq!(python::script("verify_webhook.py", &[file.path().to_str().unwrap()]).trim(), "genuine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_is_tried_again_with_the_same_message() {
    let (platform, receiver) = (Platform::start(), Receiver::start().await);
    receiver.answer_next(&[503, 500]);
    let (tenant, endpoint, _) = told(&platform, &receiver).await;
    let twice = arrivals(&receiver, 2).await;
    assert_eq!(
        twice[0].header("webhook-id"),
        twice[1].header("webhook-id"),
        "a receiver can tell a repetition"
    );
    assert_eq!(twice[0].body, twice[1].body);

    // The next attempt is minutes away; its owner sees that, and need not wait.
    let path = format!("/v1/webhooks/{}/deliveries", text(&endpoint, "id"));
    let delivery = eventually("the second failure on record", PATIENCE, async || {
        let deliveries = tenant.client.get(&path).await.ok();
        let delivery = deliveries["items"].get(0).cloned()?;
        delivery["attempts"]
            .as_array()
            .map_or(delivery["attempts"] == 2, |attempts| attempts.len() == 2)
            .then_some(delivery)
    })
    .await;
    let replay = format!("{path}/{}/replay", text(&delivery, "id"));
    tenant.client.post(&replay, &json!({})).await.expect(202);
    let thrice = arrivals(&receiver, 3).await;
    assert_eq!(thrice[2].body, twice[0].body);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.on(&Method::POST, "/hooks").len(), 3, "what was delivered is not sent again");
}
