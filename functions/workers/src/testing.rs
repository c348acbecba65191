//! What the tests of approvals and timers share: a platform whose queue and Step Functions note what they are
//! told.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_kernel::{Clock as _, ManualClock, Principal, Role, Secret};
use toss_runtime::{
    ActivityCall, FunctionDefinition, InvocationContext, Platform, scope::of_platform_record,
};
use toss_store::{
    Store,
    inbox::Notice,
    tasks::{Task, Verdict},
    testing::Tables,
    webhooks::{EndpointStatus, WebhookDelivery, WebhookEndpoint},
};
use toss_tasks::{Asker, AuditContext, Ballot, Desk, NewEscalation, NewTask, Request};

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) desk: Desk,
    pub(crate) store: Store,
    /// Messages sent to queues: body and delay.
    pub(crate) sent: Arc<Mutex<Vec<(Value, u64)>>>,
    /// Tokens of steps that were told.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    /// How many calls of Step Functions fail from now on.
    pub(crate) failing: Arc<Mutex<usize>>,
}

impl World {
    /// With one webhook endpoint that takes everything.
    pub(crate) async fn new() -> Self {
        let (sent, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::<String>::new())));
        let failing = Arc::new(Mutex::new(0));
        let (queue, steps, fail) = (Arc::clone(&sent), Arc::clone(&told), Arc::clone(&failing));
        let tables = Tables::new()
            .with_service(
                "AmazonSQS",
                Arc::new(move |operation, request| {
                    if operation == "SendMessage" {
                        let body = request["MessageBody"].as_str().unwrap_or_default();
                        let delay = request["DelaySeconds"].as_u64().unwrap_or(0);
                        queue.lock().unwrap().push((serde_json::from_str(body).unwrap(), delay));
                    }
                    Ok(json!({ "MessageId": "1", "Successful": [], "Failed": [] }))
                }),
            )
            .with_service(
                "AWSStepFunctions",
                Arc::new(move |_, request| {
                    let mut failing = fail.lock().unwrap();
                    if *failing > 0 {
                        *failing -= 1;
                        return Err(("ServiceUnavailable", "not now".to_owned()));
                    }
                    let (token, mut told) =
                        (request["taskToken"].as_str().unwrap().to_owned(), steps.lock().unwrap());
                    if told.contains(&token) {
                        return Err(("TaskTimedOut", "gone".to_owned()));
                    }
                    told.push(token);
                    Ok(json!({}))
                }),
            );
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let platform = tables.platform_with(Arc::<ManualClock>::clone(&clock), &[]);
        let (desk, store) = (Desk::new(&platform).unwrap(), Store::new(&platform));
        let endpoint = WebhookEndpoint {
            id: "whk_00000000000000000000000001".parse().unwrap(),
            tenant: "ten_00000000000000000000000001".parse().unwrap(),
            url: "https://a.example/".into(),
            events: Vec::new(),
            description: None,
            secrets: Vec::new(),
            status: EndpointStatus::Enabled,
            failures: 0,
            created_at: clock.now(),
            revision: 0,
        };
        store.create(&endpoint).await.unwrap();
        Self { platform, clock, desk, store, sent, told, failing }
    }

    pub(crate) async fn task(&self, step: &str, escalate_after: u64) -> Task {
        let call = ActivityCall {
            scope: of_platform_record("ten_00000000000000000000000001".parse().unwrap()),
            workflow: "invoice".into(),
            workflow_id: "wf_00000000000000000000000001".parse().unwrap(),
            version: 1,
            execution: "exe_00000000000000000000000001".parse().unwrap(),
            step: step.into(),
            attempt: 0,
            entered: "2026-01-01T00:00:00.000Z".into(),
            task_token: Some(Secret::new(format!("token of {step}"))),
            request_id: "r".into(),
            received: self.clock.now(),
            deadline: Timestamp::MAX,
        };
        let new = NewTask {
            title: "Pay?".into(),
            description: None,
            assignees: vec!["ada".into()],
            inline_groups: Vec::new(),
            quorum: 1,
            veto: true,
            data: Value::Null,
            timeout_seconds: Some(3600),
            escalations: vec![NewEscalation { after_seconds: escalate_after, to: vec!["cfo".into()] }],
        };
        self.desk.open(&call, new).await.unwrap()
    }

    pub(crate) async fn decide(&self, task: &Task, name: &str) -> Task {
        let principal = Principal {
            tenant: Some(task.tenant),
            client: None,
            key: None,
            name: name.into(),
            roles: [Role::Approver].into(),
            scopes: Default::default(),
        };
        let request = Request {
            scope: &task.scope(),
            task: task.id,
            asker: Asker { name, acts_for_others: false, on_behalf: None },
            audit: AuditContext { principal: &principal, ip: None, reasons: Vec::new() },
        };
        let ballot = Ballot { verdict: Verdict::Approve, comment: None };
        self.desk.decide(&request, &ballot).await.unwrap().0
    }

    pub(crate) async fn read(&self, task: &Task) -> Task {
        self.desk.task(&task.scope(), task.id).await.unwrap()
    }

    pub(crate) async fn inbox(&self, task: &Task, name: &str) -> Vec<String> {
        let page = self.store.list::<Notice>(Notice::inbox(&task.scope(), name)).await.unwrap();
        page.items.into_iter().filter_map(|notice| notice.subject).collect()
    }

    /// Types of the events that were published.
    pub(crate) async fn published(&self, task: &Task) -> Vec<String> {
        let webhook = "whk_00000000000000000000000001".parse().unwrap();
        let range = WebhookDelivery::of_endpoint(&task.scope(), webhook);
        let page = self.store.list::<WebhookDelivery>(range).await.unwrap();
        page.items.into_iter().map(|delivery| delivery.event_type).collect()
    }

    pub(crate) async fn invoke(&self, definition: FunctionDefinition, event: Value) -> Value {
        let context = InvocationContext {
            request_id: "r".into(),
            received: self.clock.now(),
            deadline: Timestamp::MAX,
            trace_id: None,
        };
        definition.start(&self.platform).unwrap().invoke(event, &context).await.unwrap()
    }
}
