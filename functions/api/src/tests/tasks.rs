use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_kernel::{
    Secret,
    id::{ExecutionId, TenantId},
};
use toss_runtime::{ActivityCall, scope::of_platform_record};
use toss_store::{tasks::Task, testing::Tables};
use toss_tasks::{Desk, NewTask};

use super::support::{Answer, Api, Call};

type Calls = Arc<Mutex<Vec<Value>>>;

/// An API whose queue and Step Functions note what they are told; `gone` steps no longer wait.
fn api(gone: bool) -> (Api, Calls) {
    let calls = Calls::default();
    let (queue, steps) = (Arc::clone(&calls), Arc::clone(&calls));
    let tables = Tables::new()
        .with_service(
            "AmazonSQS",
            Arc::new(move |_, request| {
                queue.lock().unwrap().push(request.clone());
                Ok(json!({ "MessageId": "1" }))
            }),
        )
        .with_service(
            "AWSStepFunctions",
            Arc::new(move |_, request| {
                steps.lock().unwrap().push(request.clone());
                if gone { Err(("TaskTimedOut", "gone".to_owned())) } else { Ok(json!({})) }
            }),
        );
    (Api::on(&tables), calls)
}

async fn task(api: &Api, tenant: &str, step: &str, assignees: &[&str], quorum: u32) -> Task {
    let tenant: TenantId = tenant.parse().unwrap();
    let call = ActivityCall {
        scope: of_platform_record(tenant),
        workflow: "invoice".into(),
        workflow_id: "wf_00000000000000000000000001".parse().unwrap(),
        version: 1,
        execution: execution(),
        step: step.into(),
        attempt: 0,
        entered: "2026-11-22T12:00:00.000Z".into(),
        task_token: Some(Secret::new(format!("token of {step}"))),
        request_id: "r".into(),
        received: "2026-11-22T12:00:00Z".parse().unwrap(),
        deadline: Timestamp::MAX,
    };
    let new = NewTask {
        title: "Pay?".into(),
        description: None,
        assignees: assignees.iter().map(|name| (*name).to_owned()).collect(),
        inline_groups: Vec::new(),
        quorum,
        veto: true,
        data: json!({ "amount": 5 }),
        timeout_seconds: Some(3600),
        escalations: Vec::new(),
    };
    Desk::new(&api.platform).unwrap().open(&call, new).await.unwrap()
}

fn execution() -> ExecutionId {
    "exe_00000000000000000000000001".parse().unwrap()
}

/// A person's key, with the role of an approver.
async fn person(api: &Api, admin: &str, name: &str) -> String {
    let client = json!({ "name": name, "type": "api", "roles": ["approver"] });
    let client = api.post(admin, "/v1/clients", client).await;
    assert_eq!(client.status, 201, "{client:?}");
    let key = api.post(admin, &format!("/v1/clients/{}/keys", client.text("/id")), json!({})).await;
    assert_eq!(key.status, 201, "{key:?}");
    key.text("/key")
}

async fn put(api: &Api, key: &str, path: &str, body: Value) -> Answer {
    api.call("PUT", path, Call { key, ..Call::default() }, Some(body.to_string())).await
}

#[tokio::test]
async fn two_members_of_a_group_approve_and_one_of_them_through_a_delegate() {
    let (api, calls) = api(false);
    let (admin, tenant) = api.tenant("one").await;
    let members = json!({ "members": ["bob", "ada", "ada"] });
    let group = put(&api, &admin, "/v1/groups/finance", members.clone()).await;
    assert_eq!((group.status, &group.body["members"]), (200, &json!(["ada", "bob"])));
    assert_eq!(put(&api, &admin, "/v1/groups/finance", members).await.body, group.body);
    let (ada, cy) = (person(&api, &admin, "ada").await, person(&api, &admin, "cy").await);
    let task = task(&api, &tenant, "approve", &["finance"], 2).await;
    let path = format!("/v1/tasks/{}", task.id);

    let open = api.get(&ada, "/v1/tasks?status=open&assignee=ada").await;
    assert_eq!(open.body["items"][0]["id"], json!(task.id));
    assert_eq!(open.body["items"][0]["assignees"], json!(["finance"]));
    assert!(!open.body.to_string().contains("token of"), "tokens never leave the platform");
    assert_eq!(api.get(&ada, "/v1/tasks?status=open&assignee=cy").await.body["items"], json!([]));
    assert_eq!(api.get(&ada, &path).await.body["people"], json!(["ada", "bob"]));

    let yes = json!({ "decision": "approve", "comment": "fine" });
    let refused = api.post(&cy, &format!("{path}/decision"), yes.clone()).await;
    assert_eq!((refused.status, refused.text("/type").as_str()), (403, "urn:toss:problem:not-assigned"));
    let passed = api.post(&admin, &format!("{path}/delegation"), json!({ "to": "cy", "as": "bob" })).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    assert_eq!(api.get(&cy, "/v1/tasks?assignee=cy").await.body["items"][0]["id"], json!(task.id));
    assert_eq!(api.post(&ada, &format!("{path}/decision"), yes.clone()).await.status, 200);
    let last = api.post(&cy, &format!("{path}/decision"), yes.clone()).await;
    assert_eq!((last.status, last.text("/status").as_str()), (200, "approved"));
    assert_eq!(last.text("/decisions/1/on_behalf_of"), "bob");
    assert_eq!(api.post(&cy, &format!("{path}/decision"), yes).await.body, last.body, "repeated");

    let calls = calls.lock().unwrap();
    let told: Vec<&Value> = calls.iter().filter(|call| call["taskToken"].is_string()).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["taskToken"], "token of approve");
    let bodies: Vec<&str> = calls.iter().filter_map(|call| call["MessageBody"].as_str()).collect();
    assert!(bodies[0].contains("delegated") && bodies[1].contains("decided"), "{bodies:?}");
}

#[tokio::test]
async fn a_decision_that_does_not_count_says_why() {
    let (api, _) = api(false);
    let (admin, tenant) = api.tenant("one").await;
    let (other, _) = api.tenant("two").await;
    let task = task(&api, &tenant, "approve", &["ada", "bob"], 2).await;
    let path = format!("/v1/tasks/{}/decision", task.id);
    let decide = async |key: &str, body: Value| {
        let answer = api.post(key, &path, body).await;
        (answer.status, answer.body["type"].as_str().unwrap_or_default().replace("urn:toss:problem:", ""))
    };
    let ok = (200, String::new());
    let problem = |status, code: &str| (status, code.to_owned());
    assert_eq!(
        decide(&other, json!({ "decision": "approve", "as": "ada" })).await,
        problem(404, "not-found")
    );
    assert_eq!(decide(&admin, json!({ "decision": "approve" })).await, problem(422, "say-for-whom"));
    let eve = json!({ "decision": "approve", "as": "eve" });
    assert_eq!(decide(&admin, eve).await, problem(422, "not-an-assignee"));
    for body in [
        json!({ "decision": "maybe" }),
        json!({}),
        json!([]),
        json!({ "decision": "approve", "as": "" }),
        json!({ "decision": "approve", "as": "a\u{0}" }),
        json!({ "decision": "approve", "comment": "x".repeat(2001) }),
        json!({ "decision": "approve", "extra": 1 }),
    ] {
        assert_eq!(decide(&admin, body.clone()).await, problem(422, "invalid"), "{body}");
    }
    let yes = json!({ "decision": "approve", "as": "ada" });
    assert_eq!(decide(&admin, yes.clone()).await, ok);
    assert_eq!(decide(&admin, yes).await, ok, "the same again");
    let no = json!({ "decision": "reject", "as": "ada" });
    assert_eq!(decide(&admin, no).await, problem(409, "already-decided"));
    assert_eq!(decide(&admin, json!({ "decision": "reject", "as": "bob" })).await, ok);
    assert_eq!(api.get(&admin, &format!("/v1/tasks/{}", task.id)).await.text("/status"), "rejected");
    let late = self::task(&api, &tenant, "later", &["ada"], 1).await;
    api.clock.advance(jiff::SignedDuration::from_secs(3600));
    let path = format!("/v1/tasks/{}/decision", late.id);
    let answer = api.post(&admin, &path, json!({ "decision": "approve", "as": "ada" })).await;
    assert_eq!((answer.status, answer.text("/type").as_str()), (409, "urn:toss:problem:task-expired"));
}

#[tokio::test]
async fn a_decision_for_a_step_that_no_longer_waits_is_refused_and_closes_the_task() {
    let (api, _) = api(true);
    let (admin, tenant) = api.tenant("one").await;
    let task = task(&api, &tenant, "approve", &["ada"], 1).await;
    let path = format!("/v1/tasks/{}", task.id);
    let yes = json!({ "decision": "approve", "as": "ada" });
    let answer = api.post(&admin, &format!("{path}/decision"), yes).await;
    assert_eq!((answer.status, answer.text("/type").as_str()), (409, "urn:toss:problem:task-expired"));
    assert_eq!(api.get(&admin, &path).await.text("/status"), "expired");
}

#[tokio::test]
async fn lists_page_and_filter() {
    let (api, _) = api(false);
    let (admin, tenant) = api.tenant("one").await;
    for number in 0..7 {
        let name = if number % 2 == 0 { "ada" } else { "bob" };
        task(&api, &tenant, &format!("step-{number}"), &[name], 1).await;
    }
    let mut found = Vec::new();
    let mut path = "/v1/tasks?assignee=ada&limit=3".to_owned();
    loop {
        let page = api.get(&admin, &path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap().clone();
        assert!(items.len() <= 3);
        found.extend(items.into_iter().map(|item| item["id"].to_string()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/v1/tasks?assignee=ada&limit=3&cursor={cursor}");
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 4);
    let of_execution = api.get(&admin, &format!("/v1/tasks?execution_id={}", execution())).await;
    assert_eq!(of_execution.body["items"].as_array().unwrap().len(), 7);
    let (other, _) = api.tenant("two").await;
    for path in ["/v1/tasks".to_owned(), format!("/v1/tasks?execution_id={}", execution())] {
        assert_eq!(api.get(&other, &path).await.body["items"], json!([]));
    }
    for query in ["status=done", "execution_id=1", "limit=0", "cursor=x", "cursor=WyJhIl0", "unknown=1"] {
        assert_eq!(api.get(&admin, &format!("/v1/tasks?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn groups_and_inboxes_stay_in_their_tenant() {
    let (api, _) = api(false);
    let (one, _) = api.tenant("one").await;
    let (two, _) = api.tenant("two").await;
    assert_eq!(put(&api, &one, "/v1/groups/finance", json!({ "members": ["ada"] })).await.status, 200);
    assert_eq!(api.get(&two, "/v1/groups/finance").await.status, 404);
    assert_eq!(api.delete(&two, "/v1/groups/finance").await.status, 404);
    assert_eq!(api.get(&one, "/v1/groups").await.body["items"][0]["name"], "finance");
    let many: Vec<String> = (0..501).map(|number| number.to_string()).collect();
    for members in [json!([""]), json!(["a\n"]), json!("ada"), json!([1]), json!(many)] {
        let answer = put(&api, &one, "/v1/groups/g", json!({ "members": members })).await;
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    assert_eq!(api.delete(&one, "/v1/groups/finance").await.status, 204);
    let bob = person(&api, &one, "bob").await;
    assert_eq!(api.get(&bob, "/v1/inbox").await.body["items"], json!([]));
    assert_eq!(api.get(&bob, "/v1/inbox?recipient=ada").await.status, 403);
    assert_eq!(put(&api, &bob, "/v1/groups/g", json!({ "members": [] })).await.status, 403);
}
