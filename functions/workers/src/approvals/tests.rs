use jiff::SignedDuration;
use serde_json::json;
use toss_store::tasks::{Task, TaskStatus};

use super::*;
use crate::testing::World;

fn batch(bodies: &[Value]) -> Value {
    let record = |(place, body): (usize, &Value)| {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({ "messageId": place.to_string(), "body": body, "attributes": {} })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn message(task: &Task, occasion: &str) -> Value {
    json!({ "tenant": task.tenant, "task": task.id, "occasion": occasion })
}

const NONE: &str = r#"{"batchItemFailures":[]}"#;

#[tokio::test]
async fn a_new_task_is_told_once_and_its_escalation_comes_back_from_the_queue() {
    let world = World::new().await;
    let task = world.task("approve", 600).await;
    for _ in 0..2 {
        let answer = world.invoke(DEFINITION, batch(&[message(&task, "created")])).await;
        assert_eq!(answer.to_string(), NONE);
    }
    assert_eq!(world.inbox(&task, "ada").await, ["You are asked to decide"]);
    assert_eq!(world.published(&task).await, ["task.created"]);
    let (body, delay) = world.sent.lock().unwrap()[0].clone();
    assert_eq!((&body["occasion"], delay), (&json!("escalation_due"), 601));

    world.invoke(DEFINITION, batch(std::slice::from_ref(&body))).await;
    assert!(world.inbox(&task, "cfo").await.is_empty(), "it came early");
    world.clock.advance(SignedDuration::from_secs(601));
    for _ in 0..2 {
        world.invoke(DEFINITION, batch(std::slice::from_ref(&body))).await;
    }
    assert_eq!(world.inbox(&task, "cfo").await.len(), 1);
    assert!(world.read(&task).await.escalations[0].done);
    assert_eq!(world.published(&task).await, ["task.created", "task.escalated"]);
}

#[tokio::test]
async fn an_escalation_further_away_than_the_queue_reaches_is_left_to_the_timers() {
    let world = World::new().await;
    let task = world.task("approve", 1800).await;
    world.invoke(DEFINITION, batch(&[message(&task, "created")])).await;
    assert!(world.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_decision_is_published_once_and_the_step_is_left_to_whoever_decided() {
    let world = World::new().await;
    let task = world.task("approve", 600).await;
    let task = world.decide(&task, "ada").await;
    for _ in 0..2 {
        world.invoke(DEFINITION, batch(&[message(&task, "decided")])).await;
    }
    assert_eq!(world.published(&task).await, ["task.decided"]);
    assert!(world.told.lock().unwrap().is_empty());
    world.clock.advance(SignedDuration::from_secs(61));
    world.invoke(DEFINITION, batch(&[message(&task, "decided")])).await;
    assert_eq!(*world.told.lock().unwrap(), ["token of approve"]);
    assert_eq!(world.read(&task).await.status, TaskStatus::Approved);
}

#[tokio::test]
async fn a_message_that_cannot_be_worked_on_fails_alone() {
    let world = World::new().await;
    let task = world.task("approve", 600).await;
    let unknown =
        json!({ "tenant": task.tenant, "task": "tsk_00000000000000000000000009", "occasion": "created" });
    let bodies =
        [json!("not json"), message(&task, "created"), json!({}), unknown, message(&task, "dancing")];
    let answer = world.invoke(DEFINITION, batch(&bodies)).await;
    let mut failed: Vec<&str> = answer["batchItemFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap())
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, ["0", "2", "4"]);
    assert_eq!(world.inbox(&task, "ada").await.len(), 1);
}
