use std::time::Duration;

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_its_worker_and_a_change_its_watcher() {
    let house = House::new().await;
    assert_eq!(house.send("PUT", "/v1/notes/one", "text").await.status, 201);
    assert_eq!(house.note("worked-one").await, "yes");
    assert_eq!(house.note("seen-one").await, "INSERT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_goes_to_the_dead_letters_and_its_batch_does_not() {
    let house = House::new().await;
    let sdk = house.sdk();
    let url = |name: &str| format!("{}/000000000000/{name}", house.home.aws_url());
    for body in ["bad", "good"] {
        sdk.sqs().send_message().queue_url(url("jobs")).message_body(body).send().await.unwrap();
    }
    assert_eq!(house.note("worked-good").await, "yes");
    for _ in 0..20 {
        let receive = sdk.sqs().receive_message().queue_url(url("toss-DeadLetters")).wait_time_seconds(1);
        if let Some(message) = receive.send().await.unwrap().messages().first() {
            assert_eq!(message.body(), Some("bad"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the bad message never came to the dead letters");
}
