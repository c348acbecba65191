use std::sync::{Arc, Mutex};

use toss_runtime::scope::of_platform_record;
use toss_store::{
    Store,
    tasks::{Task, TaskStatus},
    testing::Tables,
};

use super::*;
use crate::testing::{invoke, invoke_with, tables_platform};

type Sent = Arc<Mutex<Vec<Value>>>;

/// A queue that refuses the first `failures` messages.
fn queue(failures: usize) -> (Tables, Sent) {
    let sent = Sent::default();
    let (seen, left) = (Arc::clone(&sent), Mutex::new(failures));
    let tables = Tables::new().with_service(
        "AmazonSQS",
        Arc::new(move |operation, request| {
            assert_eq!(operation, "SendMessage");
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(("com.amazonaws.sqs#AccessDenied", "not now".to_owned()));
            }
            let body = request["MessageBody"].as_str().unwrap();
            seen.lock().unwrap().push(serde_json::from_str(body).unwrap());
            Ok(json!({ "MessageId": "1", "MD5OfMessageBody": null }))
        }),
    );
    (tables, sent)
}

fn parameters() -> Value {
    json!({
        "title": "Pay?",
        "assignees": ["ada", { "group": "finance", "members": ["bob", "cy"] }],
        "quorum": 2,
        "data": { "amount": 5 },
        "timeout_seconds": 3600,
        "escalate": { "after_seconds": 60, "to": ["cfo"] },
    })
}

fn task(platform: &Platform, answer: &Value) -> Task {
    let scope = of_platform_record("ten_00000000000000000000000001".parse().unwrap());
    let id = answer["task_id"].as_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { Store::new(platform).get::<Task>(&Task::key_of(&scope, id)).await })
        .unwrap()
        .unwrap()
}

#[test]
fn a_step_makes_a_task_and_tells_of_it() {
    let (tables, sent) = queue(0);
    let platform = tables_platform(&tables);
    let answer = invoke::<UserApproval>(&platform, parameters()).unwrap();
    let task = task(&platform, &answer);
    assert_eq!((task.status, task.quorum, task.veto), (TaskStatus::Open, 2, true));
    assert_eq!(task.assignees, ["ada", "finance"]);
    assert_eq!(task.due_at.unwrap().to_string(), "2026-01-01T01:00:00Z");
    assert_eq!(task.escalations[0].at.to_string(), "2026-01-01T00:01:00Z");
    let message = json!({ "tenant": task.tenant, "task": task.id, "occasion": "created" });
    assert_eq!(*sent.lock().unwrap(), [message]);
}

#[test]
fn an_attempt_that_died_before_it_told_is_made_good_by_the_next() {
    let (tables, sent) = queue(1);
    let platform = tables_platform(&tables);
    let died = invoke_with::<UserApproval>(&platform, parameters(), "one").unwrap_err();
    assert_eq!(died.error_type, "UserApproval.Unavailable");
    let answer = invoke_with::<UserApproval>(&platform, parameters(), "two").unwrap();
    assert_eq!(task(&platform, &answer).token.expose(), "two");
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (tables, _) = queue(0);
    let platform = tables_platform(&tables);
    let with = |name: &str, value: Value| {
        let mut parameters = parameters();
        parameters[name] = value;
        invoke::<UserApproval>(&platform, parameters).unwrap_err().error_type
    };
    for (name, value) in [
        ("title", json!("")),
        ("title", json!("x".repeat(201))),
        ("assignees", json!([])),
        ("assignees", json!([""])),
        ("assignees", json!(["a\nb"])),
        ("assignees", json!("ada")),
        ("assignees", json!([{ "group": "g", "members": [] }])),
        ("quorum", json!(0)),
        ("quorum", json!(-1)),
        ("quorum", json!(1.5)),
        ("escalate", json!({ "after_seconds": 0, "to": ["a"] })),
        ("escalate", json!({ "after_seconds": 5, "to": [] })),
        ("unknown", json!(1)),
    ] {
        assert_eq!(with(name, value.clone()), "UserApproval.InvalidParameters", "{name} {value}");
    }
    assert_eq!(with("data", json!("x".repeat(300_000))), "UserApproval.TooLarge");
    let out_of_reach = json!([{ "group": "finance", "members": ["bob"] }]);
    assert_eq!(with("assignees", out_of_reach), "UserApproval.QuorumOutOfReach");
}

#[test]
fn the_catalogue_shows_what_the_decision_brings() {
    let spec = toss_runtime::activity::spec::<UserApproval>();
    assert!(spec.result["properties"]["decisions"].is_object(), "{}", spec.result);
    assert!(spec.error("UserApproval.InvalidParameters").is_some());
}
