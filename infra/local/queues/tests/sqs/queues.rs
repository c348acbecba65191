//! Queues themselves: names, attributes, lists, tags.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::connector::{code, open};

#[tokio::test]
async fn creating_again_answers_the_same_queue_unless_an_attribute_differs() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let create = |delay: &'static str| {
        let queue = home.client.create_queue().queue_name("jobs");
        queue.attributes(QueueAttributeName::DelaySeconds, delay).send()
    };
    let url = create("5").await.unwrap().queue_url.unwrap();
    assert_eq!(url, "http://127.0.0.1:4566/000000000000/jobs");
    assert_eq!(create("5").await.unwrap().queue_url.unwrap(), url);
    assert_eq!(home.client.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap(), url);
    assert_eq!(code(create("6").await), "QueueAlreadyExists");
    assert_eq!(
        code(home.client.create_queue().queue_name("no spaces").send().await),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(home.client.create_queue().queue_name("jobs.fifo").send().await),
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn attributes_are_shown_and_set() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    let set = home.client.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::VisibilityTimeout, "7").send().await.unwrap();
    let all = home.client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let all = all.send().await.unwrap().attributes.unwrap();
    assert_eq!(all[&QueueAttributeName::VisibilityTimeout], "7");
    assert_eq!(all[&QueueAttributeName::MaximumMessageSize], "1048576");
    assert_eq!(all[&QueueAttributeName::QueueArn], "arn:aws:sqs:us-east-1:000000000000:jobs");
    assert_eq!(all[&QueueAttributeName::ApproximateNumberOfMessages], "0");
    let bad = home.client.set_queue_attributes().queue_url(&url);
    let bad = bad.attributes(QueueAttributeName::VisibilityTimeout, "x").send().await;
    assert_eq!(code(bad), "InvalidAttributeValue");
    let none = home.client.get_queue_attributes().queue_url(&url).send().await.unwrap();
    assert!(none.attributes.is_none());
}

#[tokio::test]
async fn queues_are_listed_by_prefix_and_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    for name in ["a-1", "a-2", "a-3", "b-1"] {
        home.queue(name, []).await;
    }
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let page = home.client.list_queues().queue_name_prefix("a-").max_results(2).set_next_token(token);
        let page = page.send().await.unwrap();
        seen.extend(page.queue_urls.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_queue_can_be_tagged_purged_and_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let url = home.queue("jobs", []).await;
    home.client.tag_queue().queue_url(&url).tags("team", "ops").send().await.unwrap();
    let tags = home.client.list_queue_tags().queue_url(&url).send().await.unwrap().tags.unwrap();
    assert_eq!(tags["team"], "ops");

    home.send(&url, "one").await;
    home.client.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(home.receive(&url).await.is_empty());
    let again = home.client.purge_queue().queue_url(&url).send().await;
    assert_eq!(code(again), "AWS.SimpleQueueService.PurgeQueueInProgress");

    home.client.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = home.client.get_queue_url().queue_name("jobs").send().await;
    assert!(gone.unwrap_err().into_service_error().is_queue_does_not_exist());
}

#[test]
fn a_call_tells_which_permission_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let body = br#"{"QueueUrl":"http://127.0.0.1:4566/000000000000/jobs"}"#;
    let needed = home.queues.permissions("SendMessageBatch", body);
    assert_eq!(needed[0].action, "sqs:SendMessage");
    assert_eq!(needed[0].resource, "arn:aws:sqs:us-east-1:000000000000:jobs");
}
