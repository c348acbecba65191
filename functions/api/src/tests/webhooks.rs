//! Webhook endpoints, their secrets and deliveries.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use toss_delivery::webhook::{Delivered, Deliverer, Signed, WebhookMessage, WebhookSecret, verify};
use toss_kernel::Clock as _;
use toss_runtime::scope::of_platform_record;
use toss_store::{
    Store,
    testing::Tables,
    webhooks::{DeliveryStatus, WebhookDelivery},
};

use super::support::{Answer, Api, Call};

type Requests = Arc<Mutex<Vec<String>>>;

/// Takes every message and keeps it.
async fn receiver() -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut buffer) = (String::new(), [0; 8192]);
            while !text.contains("\"data\"") {
                let read = stream.read(&mut buffer).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            kept.lock().unwrap().push(text);
            let _ = stream.write_all(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n").await;
        }
    });
    (url, requests)
}

struct World {
    api: Api,
    queue: Arc<Mutex<Vec<WebhookMessage>>>,
    key: String,
}

impl World {
    async fn new() -> Self {
        let queue = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&queue);
        let tables = Tables::new().with_service(
            "AmazonSQS",
            Arc::new(move |_, request| {
                let entries = request["Entries"].as_array().unwrap().iter();
                let messages = entries.map(|entry| {
                    serde_json::from_str::<WebhookMessage>(entry["MessageBody"].as_str().unwrap()).unwrap()
                });
                kept.lock().unwrap().extend(messages);
                Ok(json!({ "Successful": [], "Failed": [] }))
            }),
        );
        let api = Api::on(&tables);
        let (key, _) = api.tenant("One").await;
        Self { api, queue, key }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.api.post(&self.key, path, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.api.get(&self.key, path).await
    }

    /// Works on what is in the queue.
    async fn deliver(&self) -> Vec<Delivered> {
        let deliverer = Deliverer::of(&self.api.platform).unwrap();
        let mut outcomes = Vec::new();
        let messages = std::mem::take(&mut *self.queue.lock().unwrap());
        for message in messages {
            outcomes.push(deliverer.deliver(&of_platform_record(message.tenant), message).await.unwrap());
        }
        outcomes
    }

    async fn registered(&self, url: &str) -> (String, String) {
        let created =
            self.post("/v1/webhooks", json!({ "url": url, "events": ["execution.succeeded"] })).await;
        assert_eq!(created.status, 201, "{created:?}");
        (format!("/v1/webhooks/{}", created.text("/id")), created.text("/secret"))
    }
}

fn signed(request: &str) -> (Signed, &str) {
    let header = |name: &str| {
        let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:"))).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    (signed, request.split_once("\r\n\r\n").unwrap().1)
}

#[tokio::test]
async fn a_test_message_arrives_signed_with_the_secret_that_was_shown_once() {
    let world = World::new().await;
    let (url, requests) = receiver().await;
    let (path, secret) = world.registered(&url).await;
    assert!(secret.starts_with("whsec_"));
    let shown = world.get(&path).await;
    assert_eq!((shown.text("/url"), shown.text("/status")), (url.clone(), "enabled".into()));
    assert!(
        shown.body.get("secret").is_none()
            && !world.get("/v1/webhooks").await.body.to_string().contains("whsec_")
    );

    let sent = world.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(world.deliver().await, [Delivered::Yes]);
    let request = requests.lock().unwrap().remove(0);
    let (message, body) = signed(&request);
    let secret = WebhookSecret::parse(&secret).unwrap();
    verify(&[secret], &message, body.as_bytes(), world.api.clock.now()).unwrap();
    assert_eq!(message.id, sent.text("/delivery_id"));
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["type"], "ping");

    let deliveries = world.get(&format!("{path}/deliveries")).await;
    assert_eq!(deliveries.text("/items/0/status"), "delivered");
    assert_eq!(deliveries.body["items"][0]["history"][0]["status"], 204);
    let one = world.get(&format!("{path}/deliveries/{}", message.id)).await;
    assert_eq!(one.text("/payload/type"), "ping");
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_old_one_until_the_overlap_is_over() {
    let world = World::new().await;
    let (url, requests) = receiver().await;
    let (path, old) = world.registered(&url).await;
    let rotated = world.post(&format!("{path}/secret"), json!({ "overlap_seconds": 60 })).await;
    assert_eq!((rotated.status, rotated.text("/old_valid_until")), (200, "2026-11-22T12:01:00Z".into()));
    let secrets = [old, rotated.text("/secret")].map(|secret| WebhookSecret::parse(&secret).unwrap());
    let verified = async || {
        world.post(&format!("{path}/test"), json!({})).await;
        assert_eq!(world.deliver().await, [Delivered::Yes]);
        let request = requests.lock().unwrap().remove(0);
        let (message, body) = signed(&request);
        let now = world.api.clock.now();
        secrets
            .each_ref()
            .map(|secret| verify(std::slice::from_ref(secret), &message, body.as_bytes(), now).is_ok())
    };
    assert_eq!(verified().await, [true, true]);
    world.api.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(verified().await, [false, true]);
    for _ in 0..4 {
        assert_eq!(world.post(&format!("{path}/secret"), json!({})).await.status, 200);
    }
    assert_eq!(world.post(&format!("{path}/secret"), json!({})).await.status, 409, "too many signatures");
    assert_eq!(world.post(&format!("{path}/secret"), json!({ "overlap_seconds": 0 })).await.status, 200);
    assert_eq!(
        world.post(&format!("{path}/secret"), json!({ "overlap_seconds": 2_592_001 })).await.status,
        422
    );
}

#[tokio::test]
async fn bad_endpoints_are_refused_with_all_that_is_wrong() {
    let world = World::new().await;
    let bad = json!({ "url": "http://169.254.169.254/latest", "events": ["execution.succeeded", "moon.landed"], "description": "\u{0}" });
    let refused = world.post("/v1/webhooks", bad).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let problems = refused.body["problems"].as_array().unwrap();
    let codes: Vec<_> = problems.iter().map(|problem| problem["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["address-refused", "unknown-event-type", "text"]);
    assert_eq!(problems[1]["pointer"], "/events/1");
    assert!(refused.body["event_types"].as_array().unwrap().contains(&json!("execution.succeeded")));
    let kinds = world.get("/v1/webhooks/event-types").await;
    assert_eq!(
        kinds.body["items"].as_array().unwrap().len(),
        refused.body["event_types"].as_array().unwrap().len()
    );
    let long = format!("https://a.example/{}", "x".repeat(2048));
    for url in [
        "",
        "x",
        "//a.example",
        "ftp://a.example",
        "file:///etc/passwd",
        "http://",
        "https://u:p@a.example",
        "http://2130706434/",
        "http://0x7f.2/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://10.0.0.1",
        "http://a.example:22/",
        "http://a.example/\nx",
        " http://a.example",
        "http://127.0.0.2:80",
        "\u{0}",
        &long,
    ] {
        let answer = world.post("/v1/webhooks", json!({ "url": url, "events": [] })).await;
        assert_eq!(answer.status, 422, "{url:?} {answer:?}");
    }
    for body in [
        json!({}),
        json!({ "url": 1 }),
        json!({ "url": "https://a.example", "events": "all" }),
        json!([]),
        json!({ "url": "https://a.example", "events": [null] }),
        json!({ "url": "https://a.example", "secret": "mine" }),
        json!({ "url": "https://a.example", "events": vec!["ping"; 101] }),
    ] {
        assert_eq!(world.post("/v1/webhooks", body.clone()).await.status, 422, "{body}");
    }
    assert!(world.get("/v1/webhooks").await.body["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_is_changed_paused_and_removed() {
    let world = World::new().await;
    let (path, _) = world.registered("https://a.example/hook").await;
    let change = json!({ "url": "https://b.example/", "events": ["ping", "ping"], "description": "ours", "status": "paused" });
    let changed = world.api.patch(&world.key, &path, change).await;
    assert_eq!((changed.status, changed.text("/url")), (200, "https://b.example/".into()));
    assert_eq!((changed.text("/status"), &changed.body["events"]), ("paused".into(), &json!(["ping"])));
    let refused = world.post(&format!("{path}/test"), json!({})).await;
    assert_eq!((refused.status, refused.text("/type")), (409, "urn:toss:problem:webhook-not-enabled".into()));
    assert_eq!(world.api.patch(&world.key, &path, json!({ "url": "http://10.0.0.1" })).await.status, 422);
    assert_eq!(world.api.patch(&world.key, &path, json!({ "status": "disabled" })).await.status, 422);
    let enabled = world.api.patch(&world.key, &path, json!({ "status": "enabled", "description": "" })).await;
    assert_eq!((enabled.text("/status"), enabled.body.get("description")), ("enabled".into(), None));
    assert_eq!(world.api.delete(&world.key, &path).await.status, 204);
    assert_eq!(world.api.delete(&world.key, &path).await.status, 404);
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test]
async fn what_failed_is_delivered_again_on_request() {
    let world = World::new().await;
    let (url, requests) = receiver().await;
    let (path, _) = world.registered(&url).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        world.api.clock.advance(SignedDuration::from_secs(10));
        sent.push(world.post(&format!("{path}/test"), json!({})).await.text("/delivery_id"));
    }
    let store = Store::new(&world.api.platform);
    let messages = std::mem::take(&mut *world.queue.lock().unwrap());
    for message in &messages {
        let scope = of_platform_record(message.tenant);
        let key = WebhookDelivery::key_of(&scope, message.webhook_id, message.event_id);
        let mut delivery: WebhookDelivery = store.get(&key).await.unwrap().unwrap();
        (delivery.status, delivery.next_attempt_at) = (DeliveryStatus::Failed, None);
        store.replace(&mut delivery).await.unwrap();
    }
    let some = world.post(&format!("{path}/replay"), json!({ "since": "2026-11-22T12:00:15Z" })).await;
    assert_eq!(
        (some.status, &some.body["replayed"], &some.body["next_since"]),
        (202, &json!(2), &Value::Null)
    );
    assert_eq!(world.deliver().await, [Delivered::Yes, Delivered::Yes]);
    assert_eq!(world.post(&format!("{path}/replay"), json!({})).await.body["replayed"], 1);
    assert_eq!(world.deliver().await, [Delivered::Yes]);
    assert_eq!(world.post(&format!("{path}/replay"), json!({})).await.body["replayed"], 0);
    let one = world.post(&format!("{path}/deliveries/{}/replay", sent[0]), json!({})).await;
    assert_eq!((one.status, one.text("/delivery_id")), (202, sent[0].clone()));
    assert_eq!(world.deliver().await, [Delivered::Yes]);
    assert_eq!(requests.lock().unwrap().len(), 4);
    let list = world.get(&format!("{path}/deliveries?limit=2")).await;
    assert_eq!(list.text("/items/0/id"), sent[2], "newest first");
    for since in ["yesterday", "", "-1"] {
        assert_eq!(world.post(&format!("{path}/replay"), json!({ "since": since })).await.status, 422);
    }
    for since in ["-000500-01-02T00:00:00Z", "9999-12-30T00:00:00Z"] {
        assert_eq!(world.post(&format!("{path}/replay"), json!({ "since": since })).await.status, 202);
    }
    let unknown = format!("{path}/deliveries/evt_00000000000000000000000009");
    assert_eq!(world.get(&unknown).await.status, 404);
    assert_eq!(world.post(&format!("{unknown}/replay"), json!({})).await.status, 404);
    assert_eq!(world.get(&format!("{path}/deliveries?cursor=%00")).await.status, 400);
}

#[tokio::test]
async fn a_request_that_died_before_it_answered_finds_the_endpoint_that_it_made() {
    let world = World::new().await;
    let call = Call { key: &world.key, idempotency: Some("hook-1"), ..Call::default() };
    let body = || Some(json!({ "url": "https://a.example/" }).to_string());
    let first = world.api.call("POST", "/v1/webhooks", call.clone(), body()).await;
    forget_answers(&world).await;
    let again = world.api.call("POST", "/v1/webhooks", call, body()).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert!(!again.headers.contains_key("Idempotency-Replayed"));
    assert_eq!(first.body, again.body);
    assert_eq!(world.get("/v1/webhooks").await.body["items"].as_array().unwrap().len(), 1);
}

/// As if the last request under an idempotency key had died between its work and its answer.
async fn forget_answers(world: &World) {
    let client = world.api.platform.sdk.dynamodb();
    for item in client.scan().table_name("limits").send().await.unwrap().items() {
        if item.contains_key("answer") {
            let update = client.update_item().table_name("limits").update_expression("REMOVE answer");
            update.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
        }
    }
    world.api.clock.advance(SignedDuration::from_secs(61));
}

#[tokio::test]
async fn another_tenants_endpoints_do_not_exist() {
    let world = World::new().await;
    let (path, _) = world.registered("https://a.example/hook").await;
    let delivery = world.post(&format!("{path}/test"), json!({})).await.text("/delivery_id");
    let (other, _) = world.api.tenant("Other").await;
    let one = format!("{path}/deliveries/{delivery}");
    for path in [path.clone(), format!("{path}/deliveries"), one.clone()] {
        assert_eq!(world.api.get(&other, &path).await.status, 404, "{path}");
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
    for path in
        [format!("{path}/test"), format!("{path}/secret"), format!("{path}/replay"), format!("{one}/replay")]
    {
        assert_eq!(world.api.post(&other, &path, json!({})).await.status, 404, "{path}");
    }
    assert_eq!(world.api.patch(&other, &path, json!({ "status": "paused" })).await.status, 404);
    assert_eq!(world.api.delete(&other, &path).await.status, 404);
    assert!(world.api.get(&other, "/v1/webhooks").await.body["items"].as_array().unwrap().is_empty());
    for id in ["x", "whk_", "ten_00000000000000000000000007", "%00", "..", &"x".repeat(5000)] {
        assert_eq!(world.get(&format!("/v1/webhooks/{id}")).await.status, 404, "{id:.20}");
    }
}

#[tokio::test]
async fn a_tenant_has_so_many_endpoints_and_no_more() {
    let world = World::new().await;
    for _ in 0..50 {
        world.registered("https://a.example/hook").await;
    }
    let refused = world.post("/v1/webhooks", json!({ "url": "https://a.example/hook" })).await;
    assert_eq!((refused.status, refused.text("/type")), (409, "urn:toss:problem:too-many-webhooks".into()));
}

#[tokio::test]
async fn no_body_or_cursor_makes_a_route_of_webhooks_fail() {
    let world = World::new().await;
    let (path, _) = world.registered("https://a.example/hook").await;
    let delivery = world.post(&format!("{path}/test"), json!({})).await.text("/delivery_id");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = json!({ "url": format!("https://{}.example/", "a".repeat(100_000)) }).to_string();
    let label = json!({ "url": format!("https://{}.example/", "a".repeat(300)), "events": [] }).to_string();
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "0",
        "\"\"",
        "{\"url\":null}",
        "{\"url\":\"https://☃.example\"}",
        "{\"url\":\"https://a.example\",\"events\":[\"\\u0000\"]}",
        "{\"overlap_seconds\":-1}",
        "{\"overlap_seconds\":1e300}",
        "{\"since\":1}",
        "{\"since\":\"\\ud800\"}",
        "{\"status\":[]}",
        "{\"url\":\"a\",\"url\":\"b\"}",
        "\u{feff}{}",
        &deep,
        &long,
        &label,
    ];
    for body in bodies {
        for (method, tail) in
            [("POST", ""), ("PATCH", ""), ("POST", "/secret"), ("POST", "/test"), ("POST", "/replay")]
        {
            let target = if (method, tail) == ("POST", "") {
                "/v1/webhooks".to_owned()
            } else {
                format!("{path}{tail}")
            };
            let call = Call { key: &world.key, ..Call::default() };
            let answer = world.api.call(method, &target, call, Some(body.to_owned())).await;
            assert!(answer.status < 500, "{method} {target} {body:.60}: {answer:?}");
        }
        let call = Call { key: &world.key, ..Call::default() };
        let again = format!("{path}/deliveries/{delivery}/replay");
        assert!(world.api.call("POST", &again, call, Some(body.to_owned())).await.status < 500, "{body:.60}");
    }
    let scope = { world.queue.lock().unwrap()[0] };
    let partition = format!("T#{}#deliveries#{}", scope.tenant, scope.webhook_id);
    for place in ["x", "~", "\u{0}", &"x".repeat(2000)] {
        let cursor = URL_SAFE_NO_PAD.encode(json!([partition, place]).to_string());
        let answer = world.get(&format!("{path}/deliveries?cursor={cursor}")).await;
        assert!(answer.status < 500, "{place:.20}: {answer:?}");
    }
}
