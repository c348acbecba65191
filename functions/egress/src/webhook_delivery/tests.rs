//! Deliveries from the queue's message to a receiver on a real socket.

use std::sync::Mutex;

use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use toss_delivery::webhook::{WebhookSecret, seal_secret};
use toss_kernel::{
    SystemClock,
    id::{TenantId, WebhookId},
};
use toss_store::{
    Store,
    audit::AuditRecord,
    testing::Tables,
    webhooks::{DeliveryStatus, EndpointStatus, WebhookDelivery as Stored, WebhookEndpoint},
};

use super::*;

type Requests = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// Answers each request with this status and keeps what it was sent.
async fn receiver(status: u16) -> (String, Requests) {
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
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let headers =
                head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, value)| {
                    (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
                });
            kept.lock().unwrap().push((headers.collect(), body.to_owned()));
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

struct World {
    platform: Platform,
    queue: Arc<Mutex<Vec<String>>>,
    function: Arc<dyn Function>,
    scope: TenantScope,
}

impl World {
    fn new() -> Self {
        let queue = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&queue);
        let tables = Tables::new().with_service(
            "AmazonSQS",
            Arc::new(move |_, request| {
                let entries = request["Entries"].as_array().unwrap().iter();
                let bodies = entries.map(|entry| entry["MessageBody"].as_str().unwrap().to_owned());
                kept.lock().unwrap().extend(bodies);
                Ok(json!({ "Successful": [], "Failed": [] }))
            }),
        );
        let settings =
            [("TOSS_WEBHOOKS_QUEUE_URL", "http://localhost/queue"), ("TOSS_OUTBOUND_ALLOW", "127.0.0.1")];
        let platform = tables.platform_with(Arc::new(SystemClock), &settings);
        let tenant: TenantId = "ten_00000000000000000000000007".parse().unwrap();
        let function = DEFINITION.start(&platform).unwrap();
        Self { platform, queue, function, scope: of_platform_record(tenant) }
    }

    async fn endpoint(&self, number: u32, url: &str, events: &[EventType]) -> (WebhookId, WebhookSecret) {
        let id: WebhookId = format!("whk_{number:026}").parse().unwrap();
        let secret = WebhookSecret::generate().unwrap();
        let envelope = toss_audit::envelope_of(&self.platform).unwrap();
        let endpoint = WebhookEndpoint {
            id,
            tenant: self.scope.tenant(),
            url: url.to_owned(),
            events: events.iter().map(ToString::to_string).collect(),
            description: None,
            secrets: vec![seal_secret(&envelope, self.scope.tenant(), id, &secret).await.unwrap()],
            status: EndpointStatus::Enabled,
            failures: 0,
            created_at: self.platform.clock.now(),
            revision: 0,
        };
        Store::new(&self.platform).create(&endpoint).await.unwrap();
        (id, secret)
    }

    async fn publish(&self, number: u32) -> EventId {
        let id: EventId = format!("evt_{number:026}").parse().unwrap();
        let now = self.platform.clock.now();
        let kind = EventType::ExecutionSucceeded;
        let event = Event { id, kind, timestamp: now, data: json!({ "id": "exe_1" }) };
        Publisher::new(&self.platform).unwrap().publish(&self.scope, &event).await.unwrap();
        id
    }

    /// Takes all messages from the queue.
    fn messages(&self) -> Vec<String> {
        std::mem::take(&mut *self.queue.lock().unwrap())
    }

    /// Delivers a batch whose message ids are the places of the bodies; answers those that failed.
    async fn work(&self, bodies: &[String]) -> Vec<String> {
        let record =
            |(place, body): (usize, &String)| json!({ "messageId": place.to_string(), "body": body });
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let now = self.platform.clock.now();
        let context =
            InvocationContext { request_id: "r".into(), received: now, deadline: now, trace_id: None };
        let answer = self.function.invoke(json!({ "Records": records }), &context).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    async fn stored(&self, webhook: WebhookId, event: EventId) -> Stored {
        Store::new(&self.platform).get(&Stored::key_of(&self.scope, webhook, event)).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_message_is_delivered_once_with_a_signature_that_the_standards_own_library_verifies() {
    let world = World::new();
    let (url, requests) = receiver(204).await;
    let (webhook, secret) = world.endpoint(1, &url, &[EventType::ExecutionSucceeded]).await;
    let event = world.publish(9).await;
    let messages = world.messages();
    assert!(world.work(&messages).await.is_empty());
    assert!(world.work(&messages).await.is_empty(), "the same message again");

    let received = std::mem::take(&mut *requests.lock().unwrap());
    let [(headers, body)] = received.as_slice() else { panic!("it arrives once: {received:?}") };
    let verifier = Webhook::new(secret.reveal().expose()).unwrap();
    verifier.verify(body.as_bytes(), headers).unwrap();
    assert!(verifier.verify(b"{}", headers).is_err());
    assert_eq!(headers["webhook-id"], event.to_string().as_str());
    assert_eq!(world.stored(webhook, event).await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_worker_that_died_after_it_sent_sends_the_same_message_again() {
    let world = World::new();
    let (url, requests) = receiver(200).await;
    let (webhook, _) = world.endpoint(1, &url, &[]).await;
    let event = world.publish(9).await;
    let messages = world.messages();
    world.work(&messages).await;
    // As it stood after the claim, whose time is over.
    let mut delivery = world.stored(webhook, event).await;
    (delivery.status, delivery.history) = (DeliveryStatus::Pending, Vec::new());
    delivery.next_attempt_at = Some(world.platform.clock.now());
    Store::new(&world.platform).replace(&mut delivery).await.unwrap();
    assert!(world.work(&messages).await.is_empty());
    let received = requests.lock().unwrap();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].0["webhook-id"], received[1].0["webhook-id"]);
    assert_eq!(received[0].1, received[1].1);
}

#[tokio::test]
async fn what_is_no_message_fails_alone() {
    let world = World::new();
    let (url, requests) = receiver(200).await;
    let (webhook, _) = world.endpoint(1, &url, &[]).await;
    world.publish(9).await;
    let mut messages = world.messages();
    let unknown = messages[0].replace("evt_00000000000000000000000009", "evt_00000000000000000000000008");
    messages.extend([
        unknown,
        "{}".to_owned(),
        "\u{0}".to_owned(),
        format!("{{\"webhook_id\":\"{webhook}\"}}"),
    ]);
    let mut failed = world.work(&messages).await;
    failed.sort_unstable();
    assert_eq!(failed, ["2", "3", "4"]);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_and_its_owner_told() {
    let world = World::new();
    let (gone_url, gone) = receiver(410).await;
    let (url, requests) = receiver(200).await;
    let (webhook, _) = world.endpoint(1, &gone_url, &[EventType::ExecutionSucceeded]).await;
    let (other, secret) = world.endpoint(2, &url, &[EventType::WebhookDisabled]).await;
    world.publish(9).await;
    let first = world.messages();
    assert!(world.work(&first).await.is_empty());
    assert!(world.work(&world.messages()).await.is_empty(), "the notice");
    assert!(world.work(&first).await.is_empty());
    assert!(world.messages().is_empty(), "it is told once");
    let store = Store::new(&world.platform);
    let endpoint: WebhookEndpoint =
        store.get(&WebhookEndpoint::key_of(&world.scope, webhook)).await.unwrap().unwrap();
    assert_eq!((endpoint.status, gone.lock().unwrap().len()), (EndpointStatus::Disabled, 1));
    let (headers, body) = requests.lock().unwrap().remove(0);
    Webhook::new(secret.reveal().expose()).unwrap().verify(body.as_bytes(), &headers).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("webhook.disabled"), &json!(webhook)));
    assert_ne!(other, webhook);
    let events = store.list::<AuditRecord>(AuditRecord::of_tenant(&world.scope, None, None)).await.unwrap();
    assert_eq!(
        events.items.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(),
        ["webhook.disable"]
    );
}
