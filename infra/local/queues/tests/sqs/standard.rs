//! Standard queues: sending, receiving, hiding, deleting.

use std::time::Duration;

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
        MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};

use crate::connector::{code, open};

#[tokio::test]
async fn a_message_is_hidden_while_held_and_comes_back_with_a_new_handle() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", [("VisibilityTimeout", "30")]).await;
    home.send(&url, "one").await;
    let first = home.receive(&url).await;
    assert_eq!(first[0].0, "one");
    assert!(home.receive(&url).await.is_empty());
    assert_eq!(home.attribute(&url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await, "1");

    home.pass(30);
    let second = home.receive(&url).await;
    assert_ne!(first[0].1, second[0].1);
    // The first holder lost the message: its handle no longer deletes it.
    home.delete(&url, &first[0].1).await;
    assert_eq!(home.attribute(&url, QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await, "1");
    home.delete(&url, &second[0].1).await;
    home.pass(30);
    assert!(home.receive(&url).await.is_empty());
}

#[tokio::test]
async fn attributes_and_their_digests_are_those_of_aws() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let text = |kind: &str, value: &str| {
        MessageAttributeValue::builder().data_type(kind).string_value(value).build().unwrap()
    };
    let binary = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([1, 2, 3]));
    let trace = MessageSystemAttributeValue::builder().data_type("String").string_value("Root=1").build();
    let sent = home
        .client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .message_attributes("b.text", text("String", "world"))
        .message_attributes("a.number", text("Number.int", "42"))
        .message_attributes("c.bytes", binary.build().unwrap())
        .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace.unwrap())
        .send()
        .await
        .unwrap();
    // Computed with another implementation (see the SQS developer guide).
    assert_eq!(sent.md5_of_message_body.unwrap(), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(sent.md5_of_message_attributes.unwrap(), "30fb5dec1634a03e4934a04e69627038");
    assert_eq!(sent.md5_of_message_system_attributes.unwrap(), "d6619b3d47b81d3fc72c0db005a70eda");

    let receive = home.client.receive_message().queue_url(&url).message_attribute_names("b.*");
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    let own = message.message_attributes().unwrap();
    assert_eq!(own.keys().collect::<Vec<_>>(), ["b.text"]);
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::SentTimestamp], "1790000000000");
    assert_eq!(system[&MessageSystemAttributeName::AwsTraceHeader], "Root=1");
}

#[tokio::test]
async fn a_delayed_message_waits_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", [("DelaySeconds", "5")]).await;
    home.send(&url, "queue's delay").await;
    let own = home.client.send_message().queue_url(&url).message_body("own delay").delay_seconds(0);
    own.send().await.unwrap();
    assert_eq!(home.attribute(&url, QueueAttributeName::ApproximateNumberOfMessagesDelayed).await, "1");
    assert_eq!(home.receive(&url).await[0].0, "own delay");
    home.pass(5);
    assert_eq!(home.receive(&url).await[0].0, "queue's delay");
}

#[tokio::test]
async fn a_waiting_receiver_is_told_of_a_message_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let waiting = tokio::spawn(home.client.receive_message().queue_url(&url).wait_time_seconds(20).send());
    tokio::task::yield_now().await;
    home.send(&url, "one").await;
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.messages().len(), 1);
}

#[tokio::test]
async fn a_waiting_receiver_is_told_when_a_hidden_message_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.send(&url, "one").await;
    let held = home.receive(&url).await;
    let waiting = tokio::spawn(home.client.receive_message().queue_url(&url).wait_time_seconds(20).send());
    tokio::task::yield_now().await;
    let show = home.client.change_message_visibility().queue_url(&url).receipt_handle(&held[0].1);
    show.visibility_timeout(0).send().await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.messages().len(), 1);
}

#[tokio::test]
async fn a_wait_ends_empty_when_its_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    home.queue("jobs", []).await;
    let queues = home.queues.clone();
    let waiting =
        tokio::spawn(async move { queues.receive("jobs", 10, None, Duration::from_secs(20)).await });
    tokio::task::yield_now().await;
    home.pass(20);
    home.queues.wake_receivers();
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_queue_deleted_under_a_waiting_receiver_ends_its_wait() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let waiting = tokio::spawn(home.client.receive_message().queue_url(&url).wait_time_seconds(20).send());
    tokio::task::yield_now().await;
    home.client.delete_queue().queue_url(&url).send().await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(code(answer), "AWS.SimpleQueueService.NonExistentQueue");
}

#[tokio::test]
async fn visibility_can_be_extended_but_not_beyond_twelve_hours_nor_after_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.send(&url, "one").await;
    let handle = home.receive(&url).await.remove(0).1;
    let change = |seconds| {
        home.client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(&handle)
            .visibility_timeout(seconds)
            .send()
    };
    change(100).await.unwrap();
    home.pass(99);
    assert!(home.receive(&url).await.is_empty());
    assert_eq!(code(change(43_200).await), "InvalidParameterValue");
    home.pass(1);
    assert_eq!(code(change(10).await), "AWS.SimpleQueueService.MessageNotInflight");
    assert_eq!(home.receive(&url).await.len(), 1);
}

#[tokio::test]
async fn a_batch_answers_for_each_entry() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let sent = home
        .client
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("good", "one"))
        .entries(entry("bad", "\u{1}"))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.successful()[0].id(), "good");
    assert_eq!((sent.failed()[0].id(), sent.failed()[0].code()), ("bad", "InvalidMessageContents"));
    assert!(sent.failed()[0].sender_fault());

    let handle = home.receive(&url).await.remove(0).1;
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deleted = home
        .client
        .delete_message_batch()
        .queue_url(&url)
        .entries(entry("a", &handle))
        .entries(entry("b", "nonsense"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.successful()[0].id(), "a");
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn messages_older_than_the_retention_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", [("MessageRetentionPeriod", "60")]).await;
    home.send(&url, "one").await;
    home.pass(60);
    assert!(home.receive(&url).await.is_empty());
    assert_eq!(home.attribute(&url, QueueAttributeName::ApproximateNumberOfMessages).await, "0");
}

#[tokio::test]
async fn a_delivery_is_the_record_that_lambda_hands_to_functions() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.send(&url, "one").await;
    let delivery = home.queues.receive("jobs", 1, None, Duration::ZERO).await.unwrap().remove(0);
    let record = delivery.event_record(&home.queues.queue_arn("jobs"), "us-east-1");
    assert_eq!(record["body"], "one");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:jobs");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    home.queues.delete("jobs", delivery.receipt_handle()).await.unwrap();
    home.pass(60);
    assert!(home.receive(&url).await.is_empty());
}
