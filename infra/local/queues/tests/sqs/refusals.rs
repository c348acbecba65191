//! What is refused, and how.

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use proptest::prelude::*;
use toss_local_protocol::{Caller, JsonService};

use crate::connector::{code, open};

#[tokio::test]
async fn a_message_may_hold_one_mebibyte_and_not_a_byte_more() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let send = |size: usize| home.client.send_message().queue_url(&url).message_body("x".repeat(size)).send();
    send(1 << 20).await.unwrap();
    assert_eq!(code(send((1 << 20) + 1).await), "InvalidParameterValue");
    assert_eq!(
        code(home.client.send_message().queue_url(&url).message_body("").send().await),
        "MissingParameter"
    );
    assert_eq!(
        code(home.client.send_message().queue_url(&url).message_body("\u{fffe}").send().await),
        "InvalidMessageContents"
    );
}

#[tokio::test]
async fn batches_have_limits_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let entry = |id: String, size: usize| {
        SendMessageBatchRequestEntry::builder().id(id).message_body("x".repeat(size)).build().unwrap()
    };
    let send = |entries: Vec<SendMessageBatchRequestEntry>| {
        home.client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send()
    };
    let with = |suffix: &str| format!("AWS.SimpleQueueService.{suffix}");
    assert_eq!(code(send(Vec::new()).await), with("EmptyBatchRequest"));
    let eleven = (0..11).map(|n| entry(n.to_string(), 1)).collect();
    assert_eq!(code(send(eleven).await), with("TooManyEntriesInBatchRequest"));
    let twice = vec![entry("a".into(), 1), entry("a".into(), 1)];
    assert_eq!(code(send(twice).await), with("BatchEntryIdsNotDistinct"));
    assert_eq!(code(send(vec![entry("a b".into(), 1)]).await), with("InvalidBatchEntryId"));
    let large = vec![entry("a".into(), 600_000), entry("b".into(), 600_000)];
    assert_eq!(code(send(large).await), with("BatchRequestTooLong"));
}

#[tokio::test]
async fn parameters_out_of_bounds_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let receive = || home.client.receive_message().queue_url(&url);
    assert_eq!(code(receive().max_number_of_messages(11).send().await), "InvalidParameterValue");
    assert_eq!(code(receive().wait_time_seconds(21).send().await), "InvalidParameterValue");
    assert_eq!(code(receive().visibility_timeout(43_201).send().await), "InvalidParameterValue");
    let attribute = MessageAttributeValue::builder().data_type("Number").string_value("x").build().unwrap();
    let sent =
        home.client.send_message().queue_url(&url).message_body("x").message_attributes("n", attribute);
    assert_eq!(code(sent.send().await), "InvalidParameterValue");
    let nowhere =
        home.client.receive_message().queue_url("http://127.0.0.1:4566/000000000000/no").send().await;
    assert_eq!(code(nowhere), "AWS.SimpleQueueService.NonExistentQueue");
}

const OPERATIONS: [&str; 20] = [
    "CreateQueue",
    "GetQueueUrl",
    "ListQueues",
    "DeleteQueue",
    "PurgeQueue",
    "ListDeadLetterSourceQueues",
    "GetQueueAttributes",
    "SetQueueAttributes",
    "TagQueue",
    "UntagQueue",
    "ListQueueTags",
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CancelMessageMoveTask",
    "ListMessageMoveTasks",
    "NoSuchOperation",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_body_no_operation_fails_of_itself(
        operation in prop::sample::select(&OPERATIONS[..]),
        members in prop::collection::btree_map(
            prop::sample::select(vec!["QueueUrl", "QueueName", "Entries", "Attributes", "MessageBody", "ReceiptHandle", "Tags", "TagKeys", "DelaySeconds", "MessageAttributes", "VisibilityTimeout", "NextToken", "MaxResults", "SourceArn", "TaskHandle"]),
            prop::sample::select(vec!["null", "1e999", "-1", "99999999999999999999", "[[]]", "[{}]", "{\"a\":{}}", "{\"a\":\"b\"}", "\"jobs\"", "\"\\u0000\"", "\"arn:aws:sqs:us-east-1:000000000000:jobs\"", "\"http://127.0.0.1:4566/000000000000/jobs\"", "\"aaaa\""]),
            0..8,
        ),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let home = open(directory.path());
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let body = format!("{{{}}}", members.join(","));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _ = home.queues.permissions(operation, body.as_bytes());
        let answer = runtime.block_on(async {
            home.queue("jobs", []).await;
            home.queues.call(&Caller::Owner, operation, body.into()).await
        });
        if let Err(error) = answer {
            prop_assert_eq!(error.status, 400, "{}", error);
        }
    }
}
