use std::sync::Mutex;

use toss_kernel::id::WebhookId;
use toss_store::{
    testing::Tables,
    webhooks::{EndpointStatus, WebhookDelivery, WebhookEndpoint},
};
use ulid::Ulid;

use super::*;

struct World {
    store: Store,
    function: Arc<dyn Function>,
    scope: TenantScope,
    messages: Arc<Mutex<usize>>,
}

const OUTPUT: &str = r#"{"paid":true}"#;

async fn world() -> World {
    let messages = Arc::new(Mutex::new(0));
    let sent = Arc::clone(&messages);
    let tables = Tables::new()
        .with_service(
            "AWSStepFunctions",
            Arc::new(|_, request| {
                Ok(json!({
                    "executionArn": request["executionArn"], "stateMachineArn": "m", "status": "SUCCEEDED",
                    "startDate": 1_800_000_000, "output": OUTPUT,
                }))
            }),
        )
        .with_service(
            "AmazonSQS",
            Arc::new(move |_, _| {
                *sent.lock().unwrap() += 1;
                Ok(json!({ "Successful": [], "Failed": [] }))
            }),
        );
    let clock = Arc::new(toss_kernel::SystemClock);
    let platform = tables.platform_with(
        clock,
        &[("TOSS_WEBHOOKS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/0/webhooks")],
    );
    let store = Store::new(&platform);
    let scope = of_platform_record(toss_kernel::id::TenantId::from_ulid(Ulid(1)));
    store.create(&WorkflowOwner { workflow: workflow(), tenant: scope.tenant() }).await.unwrap();
    store.create(&record(&scope)).await.unwrap();
    store.create(&endpoint(&scope)).await.unwrap();
    World { store, function: DEFINITION.start(&platform).unwrap(), scope, messages }
}

fn workflow() -> WorkflowId {
    WorkflowId::from_ulid(Ulid(2))
}

fn id() -> ExecutionId {
    ExecutionId::from_ulid(Ulid(3))
}

fn record(scope: &TenantScope) -> Execution {
    Execution {
        tenant: scope.tenant(),
        id: id(),
        workflow_id: workflow(),
        workflow: "pay".into(),
        version: 1,
        state_machine: machine(),
        name: None,
        input_digest: String::new(),
        status: ExecutionStatus::Running,
        started: false,
        redrives: 0,
        error: None,
        cause: None,
        started_by: "admin".into(),
        created_at: Timestamp::UNIX_EPOCH,
        ended_at: None,
        revision: 0,
    }
}

fn endpoint(scope: &TenantScope) -> WebhookEndpoint {
    serde_json::from_value(json!({
        "id": WebhookId::from_ulid(Ulid(4)),
        "tenant": scope.tenant(),
        "url": "https://receiver.example/",
        "events": [],
        "status": EndpointStatus::Enabled,
        "secrets": [],
        "created_at": Timestamp::UNIX_EPOCH,
        "updated_at": Timestamp::UNIX_EPOCH,
        "failures": 0,
        "revision": 0,
    }))
    .unwrap()
}

fn machine() -> String {
    format!("arn:aws:states:us-east-1:000000000000:stateMachine:{}-1", workflow())
}

fn event(status: &str, more: &Value) -> Value {
    let mut detail = json!({
        "executionArn": machine().replace(":stateMachine:", ":execution:") + ":" + &id().to_string(),
        "stateMachineArn": machine(),
        "name": id(),
        "status": status,
        "startDate": 1_800_000_000_000_i64,
        "stopDate": if status == "RUNNING" { Value::Null } else { json!(1_800_000_001_000_i64) },
        "redriveCount": 0,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        detail[name] = value.clone();
    }
    json!({
        "id": "e", "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "time": "2027-01-15T08:00:00Z", "detail": detail,
    })
}

impl World {
    async fn send(&self, event: Value) -> Value {
        let context = InvocationContext {
            request_id: "r".into(),
            received: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::MAX,
            trace_id: None,
        };
        self.function.invoke(event, &context).await.unwrap()
    }

    async fn record(&self) -> Execution {
        self.store.get(&Execution::key_of(&self.scope, id())).await.unwrap().unwrap()
    }

    async fn audited(&self) -> usize {
        let all = AuditRecord::of_tenant(&self.scope, None, None);
        self.store.list::<AuditRecord>(all).await.unwrap().items.len()
    }

    async fn deliveries(&self) -> usize {
        let all = WebhookDelivery::of_endpoint(&self.scope, WebhookId::from_ulid(Ulid(4)));
        self.store.list::<WebhookDelivery>(all).await.unwrap().items.len()
    }
}

#[tokio::test]
async fn an_end_told_twice_is_written_audited_and_delivered_once() {
    let world = world().await;
    for _ in 0..2 {
        let answer = world.send(event("SUCCEEDED", &json!({ "output": OUTPUT }))).await;
        assert_eq!(answer["handled"], true);
    }
    let record = world.record().await;
    assert_eq!(
        (record.status, record.ended_at.unwrap().as_second()),
        (ExecutionStatus::Succeeded, 1_800_000_001)
    );
    let key = ExecutionDocument::key_of(&world.scope, id(), DocumentKind::Output);
    assert_eq!(world.store.get::<ExecutionDocument>(&key).await.unwrap().unwrap().text, OUTPUT);
    assert_eq!((world.audited().await, world.deliveries().await), (1, 1));
    assert!(*world.messages.lock().unwrap() >= 1);
}

#[tokio::test]
async fn a_late_start_does_not_bring_an_ended_execution_back() {
    let world = world().await;
    world.send(event("FAILED", &json!({ "error": "Boom", "cause": "why" }))).await;
    world.send(event("RUNNING", &json!({}))).await;
    world.send(event("SUCCEEDED", &json!({ "output": OUTPUT }))).await;
    let record = world.record().await;
    assert_eq!((record.status, record.error.as_deref()), (ExecutionStatus::Failed, Some("Boom")));
    assert_eq!(world.audited().await, 1);
}

#[tokio::test]
async fn an_execution_that_is_taken_up_again_runs_and_ends_once_more() {
    let world = world().await;
    world.send(event("FAILED", &json!({ "error": "Boom" }))).await;
    world.send(event("RUNNING", &json!({ "redriveCount": 1 }))).await;
    let record = world.record().await;
    assert_eq!((record.status, record.redrives, record.error), (ExecutionStatus::Running, 1, None));
    world.send(event("FAILED", &json!({ "error": "Boom" }))).await;
    assert_eq!(world.record().await.status, ExecutionStatus::Running, "the first end, told again");
    world.send(event("SUCCEEDED", &json!({ "redriveCount": 1, "output": OUTPUT }))).await;
    assert_eq!(world.record().await.status, ExecutionStatus::Succeeded);
    assert_eq!(world.audited().await, 2);
}

#[tokio::test]
async fn an_output_too_large_for_the_event_is_fetched() {
    let world = world().await;
    world.send(event("SUCCEEDED", &json!({ "outputDetails": { "included": false } }))).await;
    let key = ExecutionDocument::key_of(&world.scope, id(), DocumentKind::Output);
    assert_eq!(world.store.get::<ExecutionDocument>(&key).await.unwrap().unwrap().text, OUTPUT);
}

#[tokio::test]
async fn other_peoples_state_machines_are_none_of_our_business() {
    let world = world().await;
    for more in [
        json!({ "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:theirs" }),
        json!({ "name": "their-execution" }),
        json!({ "stateMachineArn": machine().replace(&workflow().to_string(), &WorkflowId::from_ulid(Ulid(9)).to_string()) }),
        json!({ "status": "PENDING_REDRIVE" }),
    ] {
        assert_eq!(world.send(event("SUCCEEDED", &more)).await["handled"], false, "{more}");
    }
    assert_eq!(world.record().await.status, ExecutionStatus::Running);
}
