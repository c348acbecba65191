//! Random operations against a simple model of a queue, with restarts in between.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use toss_local_protocol::{Caller, JsonService};

use crate::connector::{Home, open, open_at};

const VISIBILITY: i64 = 10;
const URL: &str = "http://127.0.0.1:4566/000000000000/";

#[derive(Debug, Clone)]
enum Step {
    Send { group: u8, delay: u8 },
    Receive { most: usize },
    Delete { receipt: prop::sample::Index },
    Show { receipt: prop::sample::Index },
    Pass { seconds: i64 },
    Compact,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8, 0..4u8).prop_map(|(group, delay)| Step::Send { group, delay }),
        6 => (1..5usize).prop_map(|most| Step::Receive { most }),
        4 => any::<prop::sample::Index>().prop_map(|receipt| Step::Delete { receipt }),
        2 => any::<prop::sample::Index>().prop_map(|receipt| Step::Show { receipt }),
        3 => (0..12i64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Compact),
        1 => Just(Step::Restart),
    ]
}

/// A message of the model.
struct Message {
    body: String,
    group: u8,
    hidden_until: i64,
    held: bool,
    count: u32,
}

/// A receipt: the message's body, and its count then.
struct Receipt {
    body: String,
    count: u32,
    handle: String,
}

struct Model {
    fifo: bool,
    now: i64,
    sent: usize,
    messages: Vec<Message>,
    receipts: Vec<Receipt>,
}

impl Model {
    fn expected(&mut self, most: usize) -> Vec<(String, u32)> {
        let (now, fifo) = (self.now, self.fifo);
        let locked: Vec<u8> = self
            .messages
            .iter()
            .filter(|message| message.held && message.hidden_until > now)
            .map(|message| message.group)
            .collect();
        // A FIFO queue goes group by group, in the order of their first messages; a standard queue in the order
        // of sending, which SQS does not promise but this one does.
        let mut order: Vec<usize> = (0..self.messages.len()).collect();
        if fifo {
            let first = |group| self.messages.iter().position(|message| message.group == group);
            order.sort_by_key(|index| (first(self.messages[*index].group), *index));
        }
        let mut taken = Vec::new();
        for index in order {
            let message = &mut self.messages[index];
            if taken.len() < most && message.hidden_until <= now && !(fifo && locked.contains(&message.group))
            {
                message.hidden_until = now + VISIBILITY;
                message.held = true;
                message.count += 1;
                taken.push((message.body.clone(), message.count));
            }
        }
        taken
    }

    fn find(&mut self, receipt: &Receipt) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| message.body == receipt.body && message.count == receipt.count)
    }
}

async fn call(home: &Home, operation: &str, body: serde_json::Value) -> bool {
    home.queues.call(&Caller::Owner, operation, body.to_string().into()).await.is_ok()
}

async fn run(fifo: bool, steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut home = open(directory.path());
    let (name, kind) = if fifo { ("q.fifo", "true") } else { ("q", "") };
    let mut attributes = vec![("VisibilityTimeout".to_owned(), VISIBILITY.to_string())];
    if fifo {
        attributes.push(("FifoQueue".to_owned(), kind.to_owned()));
    }
    home.queues.ensure_queue(name, attributes.into_iter().collect()).await.unwrap();
    let url = format!("{URL}{name}");
    let mut model = Model { fifo, now: 0, sent: 0, messages: Vec::new(), receipts: Vec::new() };
    for step in steps {
        match step {
            Step::Send { group, delay } => {
                model.sent += 1;
                let body = format!("message {}", model.sent);
                let mut input = serde_json::json!({ "QueueUrl": url, "MessageBody": body });
                if fifo {
                    input["MessageGroupId"] = serde_json::json!(format!("g{group}"));
                    input["MessageDeduplicationId"] = serde_json::json!(model.sent.to_string());
                } else {
                    input["DelaySeconds"] = serde_json::json!(delay);
                }
                assert!(call(&home, "SendMessage", input).await);
                let hidden_until = model.now + if fifo { 0 } else { i64::from(delay) };
                model.messages.push(Message { body, group, hidden_until, held: false, count: 0 });
            }
            Step::Receive { most } => {
                let found = home.queues.receive(name, most, None, Duration::ZERO).await.unwrap();
                let seen: Vec<_> =
                    found.iter().map(|one| (one.body().to_owned(), one.receive_count())).collect();
                assert_eq!(seen, model.expected(most));
                model.receipts.extend(found.iter().map(|one| Receipt {
                    body: one.body().to_owned(),
                    count: one.receive_count(),
                    handle: one.receipt_handle().to_owned(),
                }));
            }
            Step::Delete { receipt } if !model.receipts.is_empty() => {
                let receipt = model.receipts.swap_remove(receipt.index(model.receipts.len()));
                let deleted = home.queues.delete(name, &receipt.handle).await;
                if let Some(index) = model.find(&receipt) {
                    let expired = model.messages[index].hidden_until <= model.now;
                    assert_eq!(deleted.is_err(), fifo && expired);
                    if deleted.is_ok() {
                        model.messages.remove(index);
                    }
                }
            }
            Step::Show { receipt } if !model.receipts.is_empty() => {
                let receipt = model.receipts.swap_remove(receipt.index(model.receipts.len()));
                let shown = home.queues.change_visibility(name, &receipt.handle, Duration::ZERO).is_ok();
                let held =
                    model.find(&receipt).filter(|index| model.messages[*index].hidden_until > model.now);
                assert_eq!(shown, held.is_some());
                if let Some(index) = held {
                    model.messages[index].hidden_until = model.now;
                }
            }
            Step::Pass { seconds } => {
                home.pass(seconds);
                model.now += seconds;
            }
            Step::Compact => home.queues.compact().unwrap(),
            Step::Restart => {
                let clock = Arc::clone(&home.clock);
                drop(home);
                home = open_at(directory.path(), clock);
            }
            Step::Delete { .. } | Step::Show { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_standard_queue_behaves_as_its_model(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(false, steps));
    }

    #[test]
    fn a_fifo_queue_behaves_as_its_model(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(true, steps));
    }
}
