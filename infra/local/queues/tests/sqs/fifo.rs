//! FIFO queues: order, locks on groups, duplicates.

use std::collections::HashMap;

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use crate::connector::{Home, code, open, open_at};

const FIFO: [(&str, &str); 2] = [("FifoQueue", "true"), ("ContentBasedDeduplication", "true")];

async fn send(home: &Home, url: &str, group: &str, body: &str) -> (String, String) {
    let sent = home.client.send_message().queue_url(url).message_group_id(group).message_body(body);
    let sent = sent.send().await.unwrap();
    (sent.message_id.unwrap(), sent.sequence_number.unwrap())
}

#[tokio::test]
async fn a_group_keeps_its_order_and_waits_for_who_holds_one_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs.fifo", FIFO).await;
    for body in ["a1", "a2", "a3"] {
        send(&home, &url, "a", body).await;
    }
    send(&home, &url, "b", "b1").await;

    let one = home.client.receive_message().queue_url(&url).send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(one.body(), Some("a1"));
    // Group a is locked, b is not.
    assert_eq!(home.receive(&url).await.into_iter().map(|pair| pair.0).collect::<Vec<_>>(), ["b1"]);
    home.delete(&url, one.receipt_handle().unwrap()).await;
    let rest: Vec<_> = home.receive(&url).await.into_iter().map(|pair| pair.0).collect();
    assert_eq!(rest, ["a2", "a3"]);
}

#[tokio::test]
async fn a_message_that_was_not_deleted_comes_back_before_those_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs.fifo", FIFO).await;
    for body in ["1", "2"] {
        send(&home, &url, "a", body).await;
    }
    let held =
        home.client.receive_message().queue_url(&url).send().await.unwrap().messages.unwrap().remove(0);
    home.pass(30);
    let late = home.client.delete_message().queue_url(&url).receipt_handle(held.receipt_handle().unwrap());
    assert_eq!(code(late.send().await), "InvalidParameterValue");
    let bodies: Vec<_> = home.receive(&url).await.into_iter().map(|pair| pair.0).collect();
    assert_eq!(bodies, ["1", "2"]);
}

#[tokio::test]
async fn a_duplicate_within_five_minutes_is_answered_but_not_queued_even_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (first, clock) = {
        let home = open(directory.path());
        let url = home.queue("jobs.fifo", FIFO).await;
        let first = send(&home, &url, "a", "same").await;
        assert_eq!(send(&home, &url, "a", "same").await, first);
        let held = home.receive(&url).await;
        assert_eq!(held.len(), 1);
        home.delete(&url, &held[0].1).await;
        home.queues.compact().unwrap();
        (first, home.clock.clone())
    };
    let home = open_at(directory.path(), clock);
    let url = home.queues.queue_url("jobs.fifo");
    home.pass(299);
    assert_eq!(send(&home, &url, "a", "same").await, first);
    assert!(home.receive(&url).await.is_empty());
    home.pass(1);
    assert_ne!(send(&home, &url, "a", "same").await, first);
    assert_eq!(home.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn duplicates_within_one_batch_are_found_and_groups_can_scope_them() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let scoped = [
        ("FifoQueue", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ];
    let url = home.queue("jobs.fifo", scoped).await;
    let entry = |id: &str, group: &str| {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(id);
        entry.message_group_id(group).message_deduplication_id("d").build().unwrap()
    };
    let sent = home
        .client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("1", "a"))
        .entries(entry("2", "a"))
        .entries(entry("3", "b"))
        .send()
        .await
        .unwrap();
    let ids: HashMap<_, _> = sent.successful().iter().map(|sent| (sent.id(), sent.message_id())).collect();
    assert_eq!(ids["1"], ids["2"]);
    assert_ne!(ids["1"], ids["3"]);
    assert_eq!(home.attribute(&url, QueueAttributeName::ApproximateNumberOfMessages).await, "2");
}

#[tokio::test]
async fn a_repeated_receive_attempt_gives_the_same_messages() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs.fifo", FIFO).await;
    send(&home, &url, "a", "1").await;
    let attempt = || {
        let attempt = home.client.receive_message().queue_url(&url);
        attempt.receive_request_attempt_id("attempt-1").send()
    };
    let first = attempt().await.unwrap().messages.unwrap();
    let again = attempt().await.unwrap().messages.unwrap();
    assert_eq!(first[0].receipt_handle(), again[0].receipt_handle());
    assert!(home.receive(&url).await.is_empty());
}

#[tokio::test]
async fn what_a_fifo_queue_needs_and_what_it_does_not_take() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs.fifo", [("FifoQueue", "true")]).await;
    let message = || home.client.send_message().queue_url(&url).message_body("x");
    assert_eq!(code(message().send().await), "MissingParameter");
    assert_eq!(code(message().message_group_id("a").send().await), "InvalidParameterValue");
    let delayed = message().message_group_id("a").message_deduplication_id("1").delay_seconds(5);
    assert_eq!(code(delayed.send().await), "InvalidParameterValue");
    let first = message().message_group_id("a").message_deduplication_id("1").send().await.unwrap();
    let second = message().message_group_id("a").message_deduplication_id("2").send().await.unwrap();
    assert_eq!(first.sequence_number().unwrap().len(), 20);
    assert!(first.sequence_number() < second.sequence_number());
}
