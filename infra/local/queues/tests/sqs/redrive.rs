//! Dead-letter queues and the way back.

use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use crate::connector::{Home, code, open};

const POLICY: &str =
    r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}"#;

async fn pair(home: &Home) -> (String, String) {
    let dead = home.queue("dead", []).await;
    (home.queue("jobs", [("RedrivePolicy", POLICY)]).await, dead)
}

async fn fail_twice(home: &Home, url: &str) {
    for _ in 0..2 {
        assert_eq!(home.receive(url).await.len(), 1);
        home.pass(30);
    }
    assert!(home.receive(url).await.is_empty());
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let (url, dead) = pair(&home).await;
    home.send(&url, "poison").await;
    fail_twice(&home, &url).await;
    let receive = home.client.receive_message().queue_url(&dead).wait_time_seconds(5);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.body(), Some("poison"));
    let source = &message.attributes().unwrap()[&MessageSystemAttributeName::DeadLetterQueueSourceArn];
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:jobs");

    let sources = home.client.list_dead_letter_source_queues().queue_url(&dead).send().await.unwrap();
    assert_eq!(sources.queue_urls(), [url]);
}

#[tokio::test]
async fn a_move_task_brings_dead_letters_back() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let (url, dead) = pair(&home).await;
    home.send(&url, "poison").await;
    fail_twice(&home, &url).await;
    let arn = home.attribute(&dead, QueueAttributeName::QueueArn).await;
    // Counts are of what is on disk: a look that waits makes sure of it.
    let seen = home.queues.receive("dead", 1, Some(Duration::ZERO), Duration::from_secs(5)).await.unwrap();
    assert_eq!(seen.len(), 1);
    home.client.start_message_move_task().source_arn(&arn).send().await.unwrap();
    let back = home.queues.receive("jobs", 1, None, Duration::from_secs(5)).await.unwrap();
    assert_eq!((back[0].body(), back[0].receive_count()), ("poison", 1));
    let tasks = home.client.list_message_move_tasks().source_arn(&arn).send().await.unwrap();
    assert_eq!(tasks.results().len(), 1);
}

#[tokio::test]
async fn a_dead_letter_queue_must_exist_fit_and_agree() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let create = |name: &str, policy: &str| {
        let queue = home.client.create_queue().queue_name(name);
        queue.attributes(QueueAttributeName::RedrivePolicy, policy).send()
    };
    assert_eq!(code(create("jobs", POLICY).await), "InvalidParameterValue");
    home.queue("dead", [("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#)]).await;
    assert_eq!(code(create("jobs", POLICY).await), "InvalidParameterValue");
    let arn = home.queues.queue_arn("dead");
    let task = home.client.start_message_move_task().source_arn(arn).send().await;
    assert_eq!(code(task), "InvalidParameterValue");
    let unknown = home.client.start_message_move_task().source_arn("arn:aws:sqs:us-east-1:000000000000:no");
    assert_eq!(code(unknown.send().await), "ResourceNotFoundException");
}
