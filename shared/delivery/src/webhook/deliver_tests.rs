//! Publishing and delivering against tables in memory and a receiver on a real socket.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use toss_kernel::{
    Clock as _, ManualClock, TenantScope,
    id::{EventId, TenantId, WebhookId},
};
use toss_runtime::{Platform, scope::of_platform_record};
use toss_store::{
    Store,
    testing::Tables,
    webhooks::{DeliveryStatus, EndpointStatus, WebhookDelivery, WebhookEndpoint},
};

use super::{
    Delivered, Deliverer, Event, EventType, Publisher, Signed, WebhookMessage, WebhookSecret, seal_secret,
    verify,
};
use crate::outbound::{Guard, OutboundClient, OutboundPolicy, SystemResolver};

type Requests = Arc<Mutex<Vec<String>>>;

/// Answers with the statuses in turn, the last one for ever, and keeps what it was sent.
async fn receiver(statuses: Vec<u16>) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            let mut buffer = [0; 8192];
            while !text.contains("\"data\"") {
                let read = stream.read(&mut buffer).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            kept.lock().unwrap().push(text);
            let status = statuses[number.min(statuses.len() - 1)];
            number += 1;
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

struct World {
    platform: Platform,
    clock: Arc<ManualClock>,
    queue: Arc<Mutex<Vec<Value>>>,
    scope: TenantScope,
    endpoint: WebhookEndpoint,
    secret: WebhookSecret,
}

impl World {
    async fn new(url: &str) -> Self {
        let queue = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&queue);
        let tables = Tables::new().with_service(
            "AmazonSQS",
            Arc::new(move |_, request| {
                let entries = request["Entries"].as_array().unwrap();
                kept.lock().unwrap().extend(entries.iter().cloned());
                Ok(json!({ "Successful": [], "Failed": [] }))
            }),
        );
        let clock = Arc::new(ManualClock::new("2026-11-22T10:00:00Z".parse().unwrap()));
        let settings = [("TOSS_WEBHOOKS_QUEUE_URL", "http://localhost/queue")];
        let platform = tables.platform_with(Arc::<ManualClock>::clone(&clock), &settings);
        let tenant: TenantId = "ten_00000000000000000000000007".parse().unwrap();
        let id: WebhookId = "whk_00000000000000000000000001".parse().unwrap();
        let secret = WebhookSecret::generate().unwrap();
        let envelope = toss_audit::envelope_of(&platform).unwrap();
        let endpoint = WebhookEndpoint {
            id,
            tenant,
            url: url.to_owned(),
            events: vec!["execution.succeeded".into()],
            description: None,
            secrets: vec![seal_secret(&envelope, tenant, id, &secret).await.unwrap()],
            status: EndpointStatus::Enabled,
            failures: 0,
            created_at: clock.now(),
            revision: 0,
        };
        Store::new(&platform).create(&endpoint).await.unwrap();
        Self { platform, clock, queue, scope: of_platform_record(tenant), endpoint, secret }
    }

    fn publisher(&self) -> Publisher {
        Publisher::new(&self.platform).unwrap()
    }

    async fn deliver(&self) -> Delivered {
        let policy = OutboundPolicy::new(Some("127.0.0.1"), None).unwrap();
        let client = OutboundClient::new(Guard::new(policy, SystemResolver));
        let envelope = toss_audit::envelope_of(&self.platform).unwrap();
        let clock = Arc::<ManualClock>::clone(&self.clock);
        let deliverer = Deliverer::new(self.publisher(), envelope, client, clock);
        let message = WebhookMessage {
            tenant: self.scope.tenant(),
            webhook_id: self.endpoint.id,
            event_id: event(EventType::ExecutionSucceeded).id,
        };
        deliverer.deliver(&self.scope, message).await.unwrap()
    }

    async fn delivery(&self) -> WebhookDelivery {
        let event = event(EventType::ExecutionSucceeded).id;
        let key = WebhookDelivery::key_of(&self.scope, self.endpoint.id, event);
        Store::new(&self.platform).get(&key).await.unwrap().unwrap()
    }

    async fn endpoint(&self) -> WebhookEndpoint {
        let key = WebhookEndpoint::key_of(&self.scope, self.endpoint.id);
        Store::new(&self.platform).get(&key).await.unwrap().unwrap()
    }
}

fn event(kind: EventType) -> Event {
    let id: EventId = "evt_00000000000000000000000009".parse().unwrap();
    Event { id, kind, timestamp: Timestamp::UNIX_EPOCH, data: json!({ "id": "exe_1" }) }
}

fn header(request: &str, name: &str) -> String {
    let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:"))).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

#[tokio::test]
async fn a_published_event_arrives_signed_and_once() {
    let (url, requests) = receiver(vec![200]).await;
    let world = World::new(&url).await;
    let succeeded = event(EventType::ExecutionSucceeded);
    assert_eq!(world.publisher().publish(&world.scope, &succeeded).await.unwrap(), 1);
    assert_eq!(world.publisher().publish(&world.scope, &succeeded).await.unwrap(), 1);
    assert_eq!(world.publisher().publish(&world.scope, &event(EventType::TaskCreated)).await.unwrap(), 0);
    assert_eq!(world.deliver().await, Delivered::Yes);
    assert_eq!(world.deliver().await, Delivered::Nothing);

    let request = requests.lock().unwrap().remove(0);
    assert!(requests.lock().unwrap().is_empty());
    let message = Signed {
        id: header(&request, "webhook-id"),
        timestamp: header(&request, "webhook-timestamp"),
        signature: header(&request, "webhook-signature"),
    };
    assert_eq!(message.id, succeeded.id.to_string());
    let body = request.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(body, succeeded.body());
    verify(std::slice::from_ref(&world.secret), &message, body.as_bytes(), world.clock.now()).unwrap();
    assert_eq!(world.delivery().await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_when_it_is_due() {
    let (url, requests) = receiver(vec![500, 200]).await;
    let world = World::new(&url).await;
    world.publisher().publish(&world.scope, &event(EventType::ExecutionSucceeded)).await.unwrap();
    let Delivered::Later(at) = world.deliver().await else { panic!("it failed") };
    assert!((5..=6).contains(&at.duration_since(world.clock.now()).as_secs()));
    assert_eq!(world.deliver().await, Delivered::Nothing, "not due yet");
    assert_eq!(world.publisher().send_due().await.unwrap(), 0);
    assert!(world.queue.lock().unwrap().last().unwrap()["DelaySeconds"].as_i64().unwrap() >= 5);
    world.clock.advance(SignedDuration::from_secs(7));
    assert_eq!(world.publisher().send_due().await.unwrap(), 1);
    assert_eq!(world.deliver().await, Delivered::Yes);
    let ids: Vec<String> =
        requests.lock().unwrap().iter().map(|request| header(request, "webhook-id")).collect();
    assert_eq!(ids[0], ids[1], "every attempt has the same id");
    assert_eq!(world.delivery().await.history.len(), 2);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_and_sent_nothing_more() {
    let (url, requests) = receiver(vec![410]).await;
    let world = World::new(&url).await;
    let succeeded = event(EventType::ExecutionSucceeded);
    world.publisher().publish(&world.scope, &succeeded).await.unwrap();
    assert_eq!(world.deliver().await, Delivered::Disabled);
    assert_eq!(world.endpoint().await.status, EndpointStatus::Disabled);
    world.publisher().replay(&world.scope, world.endpoint.id, succeeded.id).await.unwrap();
    assert_eq!(world.deliver().await, Delivered::No);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_worker_that_died_after_its_claim_is_made_up_for() {
    let (url, _) = receiver(vec![200]).await;
    let world = World::new(&url).await;
    world.publisher().publish(&world.scope, &event(EventType::ExecutionSucceeded)).await.unwrap();
    let mut claimed = world.delivery().await;
    claimed.attempts = 1;
    claimed.next_attempt_at = Some(world.clock.now() + SignedDuration::from_secs(60));
    Store::new(&world.platform).replace(&mut claimed).await.unwrap();
    assert_eq!(world.deliver().await, Delivered::Nothing);
    world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(world.publisher().send_due().await.unwrap(), 1);
    assert_eq!(world.deliver().await, Delivered::Yes);
}

#[tokio::test]
async fn an_endpoint_on_a_private_address_gets_nothing() {
    let world = World::new("http://10.0.0.1/hook").await;
    world.publisher().publish(&world.scope, &event(EventType::ExecutionSucceeded)).await.unwrap();
    assert!(matches!(world.deliver().await, Delivered::Later(_)));
    let history = world.delivery().await.history;
    assert_eq!(history[0].error.as_deref(), Some("address-refused"));
}
