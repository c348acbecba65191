use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use toss_kernel::{Clock as _, ManualClock, Principal, Role, Secret};
use toss_runtime::{ActivityCall, Platform, scope::of_platform_record};
use toss_store::{
    Store,
    audit::AuditRecord,
    tasks::{DUE_SHARDS, Resume, Task, TaskStatus, TaskToken, Verdict},
    testing::Tables,
};

use crate::{
    AuditContext, Ballot, Desk, Effect, NewEscalation, NewTask, OpenError, Refusal, Request, Resumer,
    TaskError, Told, rules::Asker,
};

struct World {
    clock: Arc<ManualClock>,
    platform: Platform,
    desk: Desk,
    told: Arc<Mutex<Vec<Value>>>,
}

/// Tables in memory, and a Step Functions that takes each token once.
fn world() -> World {
    let told = Arc::new(Mutex::new(Vec::<Value>::new()));
    let taken = Arc::clone(&told);
    let steps = move |operation: &str, request: &Value| {
        assert_eq!(operation, "SendTaskSuccess");
        let mut taken = taken.lock().unwrap();
        if taken.iter().any(|earlier| earlier["taskToken"] == request["taskToken"]) {
            return Err(("TaskTimedOut", "gone".to_owned()));
        }
        taken.push(request.clone());
        Ok(json!({}))
    };
    let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let tables = Tables::new().with_service("AWSStepFunctions", Arc::new(steps));
    let platform = tables.platform_with(Arc::<ManualClock>::clone(&clock), &[]);
    World { desk: Desk::new(&platform).unwrap(), clock, platform, told }
}

fn call(token: &str) -> ActivityCall {
    ActivityCall {
        scope: of_platform_record("ten_00000000000000000000000001".parse().unwrap()),
        workflow: "invoice".into(),
        workflow_id: "wf_00000000000000000000000001".parse().unwrap(),
        version: 1,
        execution: "exe_00000000000000000000000001".parse().unwrap(),
        step: "approve".into(),
        attempt: 0,
        entered: "2026-01-01T00:00:00.000Z".into(),
        task_token: Some(Secret::new(token.into())),
        request_id: "r".into(),
        received: "2026-01-01T00:00:00Z".parse().unwrap(),
        deadline: Timestamp::MAX,
    }
}

fn new(assignees: &[&str], quorum: u32) -> NewTask {
    NewTask {
        title: "Pay?".into(),
        description: None,
        assignees: assignees.iter().map(|name| (*name).to_owned()).collect(),
        inline_groups: Vec::new(),
        quorum,
        veto: true,
        data: json!({ "amount": 1e300, "nested": [[[]]] }),
        timeout_seconds: Some(3600),
        escalations: vec![NewEscalation { after_seconds: 600, to: vec!["cfo".into()] }],
    }
}

fn principal(name: &str) -> Principal {
    Principal {
        tenant: Some("ten_00000000000000000000000001".parse().unwrap()),
        client: None,
        key: None,
        name: name.into(),
        roles: [Role::Approver].into(),
        scopes: Default::default(),
    }
}

const YES: Ballot<'static> = Ballot { verdict: Verdict::Approve, comment: None };

async fn decide(desk: &Desk, task: &Task, name: &str) -> Result<(Task, Effect), TaskError> {
    let (scope, principal) = (task.scope(), principal(name));
    let asker = Asker { name, acts_for_others: false, on_behalf: None };
    let audit = AuditContext { principal: &principal, ip: None, reasons: Vec::new() };
    desk.decide(&Request { scope: &scope, task: task.id, asker, audit }, &YES).await
}

async fn events(store: &Store, task: &Task) -> Vec<String> {
    let range = AuditRecord::of_tenant(&task.scope(), None, None);
    store.list::<AuditRecord>(range).await.unwrap().items.into_iter().map(|record| record.action).collect()
}

async fn due(store: &Store, now: Timestamp) -> Vec<Task> {
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        found.extend(store.list::<Task>(Task::due(shard, now)).await.unwrap().items);
    }
    found
}

#[tokio::test]
async fn a_step_that_is_called_again_finds_its_task() {
    let World { desk, platform, .. } = world();
    let first = desk.open(&call("one"), new(&["ada", "bob"], 2)).await.unwrap();
    let again = desk.open(&call("one"), new(&["ada", "bob"], 2)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(again.data["amount"], json!(1e300));
    let store = Store::new(&platform);
    assert_eq!(events(&store, &first).await, ["task.create"]);
    let retried = desk.open(&call("two"), new(&["ada", "bob"], 2)).await.unwrap();
    assert_eq!((retried.id, retried.token), (first.id, TaskToken::new("two".into())));
}

#[tokio::test]
async fn a_retry_that_comes_after_the_decision_is_told_of_it() {
    let World { desk, clock, .. } = world();
    let task = desk.open(&call("one"), new(&["ada"], 1)).await.unwrap();
    let (task, _) = decide(&desk, &task, "ada").await.unwrap();
    let task = desk.told(&task, Told::Taken, true).await.unwrap();
    assert_eq!(task.resume, Some(Resume::Done));
    let retried = desk.open(&call("two"), new(&["ada"], 1)).await.unwrap();
    assert_eq!(retried.resume, Some(Resume::Pending { attempts: 0, not_before: clock.now() }));
    assert_eq!(retried.status, TaskStatus::Approved);
}

#[tokio::test]
async fn a_task_that_nobody_could_decide_is_refused() {
    let World { desk, platform, .. } = world();
    let group = toss_store::groups::Group {
        tenant: principal("x").tenant.unwrap(),
        name: "finance".into(),
        members: vec!["ada".into()],
        updated_at: Timestamp::UNIX_EPOCH,
        revision: 0,
    };
    Store::new(&platform).create(&group).await.unwrap();
    let refused = desk.open(&call("one"), new(&["finance"], 2)).await;
    assert!(matches!(refused, Err(OpenError::QuorumOutOfReach { quorum: 2, people: 1 })));
    let large = NewTask { data: json!("x".repeat(300_000)), ..new(&["ada"], 1) };
    assert!(matches!(desk.open(&call("one"), large).await, Err(OpenError::TooLarge)));
}

#[tokio::test]
async fn of_two_who_decide_at_once_the_last_closes_the_task_and_one_alone_resumes_it() {
    let World { desk, platform, .. } = world();
    let names: Vec<String> = (0..6).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let task = desk.open(&call("one"), new(&names, 3)).await.unwrap();
    let all = futures::future::join_all(names.iter().map(|name| decide(&desk, &task, name))).await;
    let closed = all.iter().filter(|answer| matches!(answer, Ok((_, Effect::Closed)))).count();
    assert_eq!(closed, 1, "{all:?}");
    let recorded = all.iter().filter(|answer| matches!(answer, Ok((_, Effect::Recorded)))).count();
    assert_eq!(recorded, 2);
    for answer in all.into_iter().filter_map(Result::err) {
        assert!(matches!(answer, TaskError::Refused(Refusal::Closed { .. })), "{answer}");
    }
    let store = Store::new(&platform);
    let decided = events(&store, &task).await.into_iter().filter(|action| action == "task.decide").count();
    assert_eq!(decided, 3, "one event for each decision that counts");
}

#[tokio::test]
async fn whoever_dies_after_the_decision_leaves_it_to_the_timers() {
    let World { desk, platform, clock, told } = world();
    let (store, resumer) = (Store::new(&platform), Resumer::new(&platform));
    let task = desk.open(&call("one"), new(&["ada"], 1)).await.unwrap();
    let (task, _) = decide(&desk, &task, "ada").await.unwrap();
    assert!(due(&store, clock.now()).await.is_empty(), "whoever decided has a minute");
    clock.advance(SignedDuration::from_secs(61));
    let found = due(&store, clock.now()).await;
    assert_eq!(found.len(), 1);
    assert_eq!(resumer.tell(&found[0]).await.unwrap(), Told::Taken);
    // It dies here, before it notes that the step was told; the next one tells it again.
    let told_again = resumer.tell(&found[0]).await.unwrap();
    assert_eq!(told_again, Told::Gone);
    let after = desk.told(&found[0], told_again, false).await.unwrap();
    assert_eq!((after.status, after.resume), (TaskStatus::Approved, Some(Resume::Done)));
    assert!(due(&store, Timestamp::MAX - SignedDuration::from_hours(100_000)).await.is_empty());
    let output = told.lock().unwrap()[0]["output"].as_str().unwrap().to_owned();
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(output["decision"], "approved");
    assert_eq!(output["decisions"][0]["principal"], "ada");
    assert_eq!(output["task_id"], json!(task.id));
}

#[tokio::test]
async fn a_decision_for_a_step_that_is_gone_expires_the_task() {
    let World { desk, platform, .. } = world();
    let resumer = Resumer::new(&platform);
    let task = desk.open(&call("one"), new(&["ada"], 1)).await.unwrap();
    let (task, _) = decide(&desk, &task, "ada").await.unwrap();
    resumer.tell(&task).await.unwrap();
    let told = resumer.tell(&task).await.unwrap();
    let task = desk.told(&task, told, true).await.unwrap();
    assert_eq!(task.status, TaskStatus::Expired);
    assert_eq!(desk.told(&task, told, true).await.unwrap(), task, "and the second time changes nothing");
}

#[tokio::test]
async fn escalations_and_expiry_come_due_and_happen_once() {
    let World { desk, platform, clock, .. } = world();
    let store = Store::new(&platform);
    let task = desk.open(&call("one"), new(&["ada"], 1)).await.unwrap();
    assert_eq!(desk.escalated(&task).await.unwrap(), task, "not due");
    clock.advance(SignedDuration::from_secs(600));
    assert_eq!(due(&store, clock.now()).await.len(), 1);
    let escalated = desk.escalated(&task).await.unwrap();
    assert!(escalated.escalations[0].done);
    assert_eq!(desk.escalated(&task).await.unwrap(), escalated);
    assert!(due(&store, clock.now()).await.is_empty());
    decide(&desk, &task, "cfo").await.unwrap();

    let mut later = call("two");
    later.step = "other".into();
    let task = desk.open(&later, new(&["ada"], 1)).await.unwrap();
    clock.advance(SignedDuration::from_secs(3600));
    assert!(matches!(decide(&desk, &task, "ada").await, Err(TaskError::Refused(Refusal::Closed { .. }))));
    let expired = desk.expire(&task).await.unwrap();
    assert_eq!(expired.status, TaskStatus::Expired);
    assert_eq!(desk.expire(&task).await.unwrap(), expired);
    assert_eq!(
        desk.open(&later, new(&["ada"], 1)).await.unwrap(),
        expired,
        "the same attempt changes nothing"
    );
    later.task_token = Some(Secret::new("three".into()));
    let reopened = desk.open(&later, new(&["ada"], 1)).await.unwrap();
    assert_eq!(reopened.status, TaskStatus::Open, "the step is tried again");
}

#[tokio::test]
async fn an_execution_that_ends_takes_its_open_tasks_along() {
    let World { desk, .. } = world();
    let task = desk.open(&call("one"), new(&["ada"], 1)).await.unwrap();
    for _ in 0..2 {
        desk.cancel_all(&task.scope(), task.execution_id).await.unwrap();
    }
    assert_eq!(desk.task(&task.scope(), task.id).await.unwrap().status, TaskStatus::Cancelled);
    let other = of_platform_record("ten_00000000000000000000000002".parse().unwrap());
    assert!(matches!(desk.task(&other, task.id).await, Err(TaskError::NotFound)));
}

#[test]
fn what_the_desk_does_can_be_awaited_anywhere() {
    fn sendable<T: Send>(_: &T) {}
    let World { desk, .. } = world();
    let (call, scope) = (call("one"), call("one").scope);
    sendable(&desk.open(&call, new(&["ada"], 1)));
    sendable(&desk.cancel_all(&scope, call.execution));
}
