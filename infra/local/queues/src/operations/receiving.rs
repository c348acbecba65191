//! Receiving messages, with patience.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::futures::OwnedNotified;
use toss_local_protocol::ServiceError;

use super::{parse, sending::sequence_number};
use crate::{
    digest,
    inner::Inner,
    message::MessageAttribute,
    refusal,
    state::{Due, Reception, Taken},
};

const MOST_MESSAGES: i64 = 10;
const LONGEST_WAIT: i64 = 20;
pub(super) const LONGEST_VISIBILITY: i64 = 43_200;

/// What can be asked about a message.
const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

/// What a look at a queue came to.
enum Look {
    Found(Vec<Taken>),
    Nothing { changed: OwnedNotified, due: Due, wait: i64 },
}

impl Inner {
    pub(super) async fn receive_message(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ReceiveMessage = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let system: Vec<String> = [input.attribute_names, input.message_system_attribute_names]
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(refusal::unknown_attribute(unknown));
        }
        let most = input.max_number_of_messages.unwrap_or(1);
        if !(1..=MOST_MESSAGES).contains(&most) {
            let reason = "Must be between 1 and 10, if provided.";
            return Err(refusal::invalid_value(most, "MaxNumberOfMessages", reason));
        }
        if let Some(visibility) = input.visibility_timeout {
            check_visibility(visibility)?;
        }
        if let Some(wait) = input.wait_time_seconds.filter(|wait| !(0..=LONGEST_WAIT).contains(wait)) {
            let reason = "Must be >= 0 and <= 20, if provided.";
            return Err(refusal::invalid_value(wait, "WaitTimeSeconds", reason));
        }
        let reception = Reception {
            most: usize::try_from(most).unwrap_or(1),
            visibility: input.visibility_timeout,
            attempt_id: input.receive_request_attempt_id,
        };
        let wait = input.wait_time_seconds.map(|wait| wait * 1000);
        let taken = self.receive(&queue, &reception, wait).await?;
        if taken.is_empty() {
            return Ok(Map::new().into());
        }
        let wanted = input.message_attribute_names.unwrap_or_default();
        let messages: Vec<Value> = taken.iter().map(|taken| shown(taken, &system, &wanted)).collect();
        Ok(json!({ "Messages": messages }))
    }

    /// Receives messages, waiting up to `wait` milliseconds (the queue's own wait if none) for the first.
    pub(crate) async fn receive(
        &self,
        queue: &str,
        reception: &Reception,
        wait: Option<i64>,
    ) -> Result<Vec<Taken>, ServiceError> {
        let mut deadline = None;
        loop {
            let now = self.now();
            let (changed, due, deadline) = match self.look(queue, reception, now)? {
                Look::Found(taken) => return Ok(taken),
                Look::Nothing { changed, due, wait: own } => {
                    (changed, due, *deadline.get_or_insert(now + wait.unwrap_or(own)))
                }
            };
            if deadline <= now {
                return Ok(Vec::new());
            }
            let until = due.time.map_or(deadline, |time| time.min(deadline));
            let pause = Duration::from_millis(u64::try_from(until - now).unwrap_or(0).max(1));
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(pause) => {}
                written = self.written(due.position), if due.position.is_some() => written?,
            }
        }
    }

    fn look(&self, queue: &str, reception: &Reception, now: i64) -> Result<Look, ServiceError> {
        let mut state = self.lock_at(queue, now);
        // Taken before the look: what happens after it wakes the receiver.
        let changed = state.queue(queue)?.changed.clone().notified_owned();
        let target = self.dead_letter_queue(&state, queue)?;
        let source_arn = self.address.arn(queue);
        let received = state.receive(queue, target.as_deref(), &source_arn, reception, now)?;
        self.apply_lazily(&mut state, received.receipts)?;
        if let (Some(id), false) = (&reception.attempt_id, received.taken.is_empty()) {
            state.remember_attempt(queue, id.clone(), &received.taken, now);
        }
        let (due, wait) = (state.queue(queue)?.due(), state.queue(queue)?.settings.wait * 1000);
        drop(state);
        for moves in received.moves {
            let mut change = self.change();
            // It may have been deleted, or given up by another receiver, since the look.
            if change.state.queue(queue).is_ok_and(|queue| queue.message(moves.sequence).is_some()) {
                moves.records.into_iter().for_each(|record| change.record(record));
            }
            // Nobody is told of the move, so nobody waits for it: until it is on disk, the message is in neither
            // queue for receivers, and after a crash it is where it was.
            change.finish()?;
        }
        if !received.taken.is_empty() {
            return Ok(Look::Found(received.taken));
        }
        Ok(Look::Nothing { changed, due, wait })
    }

    fn dead_letter_queue(
        &self,
        state: &crate::state::State,
        queue: &str,
    ) -> Result<Option<String>, ServiceError> {
        let redrive = state.queue(queue)?.settings.redrive.as_ref();
        let target = redrive.and_then(|redrive| self.address.name_in_arn(&redrive.target_arn));
        Ok(target.filter(|target| state.queue(target).is_ok()).map(str::to_owned))
    }
}

pub(super) fn check_visibility(seconds: i64) -> Result<(), ServiceError> {
    if (0..=LONGEST_VISIBILITY).contains(&seconds) {
        return Ok(());
    }
    let reason = "Must be between 0 and 43200, if provided.";
    Err(refusal::invalid_value(seconds, "VisibilityTimeout", reason))
}

/// All system attributes of a message that was received.
pub(crate) fn system_attributes(taken: &Taken) -> BTreeMap<String, String> {
    let stored = &taken.stored;
    let fifo = stored.deduplication_id.is_some();
    let optional = [
        ("AWSTraceHeader", stored.trace_header.clone()),
        ("DeadLetterQueueSourceArn", stored.dead_letter_source.clone()),
        ("MessageDeduplicationId", stored.deduplication_id.clone()),
        ("MessageGroupId", stored.group.clone()),
        ("SequenceNumber", fifo.then(|| sequence_number(stored.sequence))),
    ];
    let always = [
        ("ApproximateFirstReceiveTimestamp", taken.first_received.to_string()),
        ("ApproximateReceiveCount", taken.count.to_string()),
        ("SenderId", stored.sender.clone()),
        ("SentTimestamp", stored.sent.to_string()),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    optional.chain(always).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The message attributes that a receiver asks for, by name, by prefix or all.
pub(crate) fn message_attributes<'a>(
    taken: &'a Taken,
    wanted: &[String],
) -> BTreeMap<&'a String, &'a MessageAttribute> {
    let is_wanted = |name: &String| {
        wanted.iter().any(|wanted| match wanted.as_str() {
            "All" | ".*" => true,
            exact if exact == name => true,
            pattern => pattern.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix)),
        })
    };
    taken.stored.attributes.iter().filter(|(name, _)| is_wanted(name)).collect()
}

fn shown(taken: &Taken, system: &[String], wanted: &[String]) -> Value {
    let mut message = json!({
        "MessageId": taken.stored.id,
        "ReceiptHandle": taken.handle,
        "MD5OfBody": taken.stored.body_digest,
        "Body": taken.stored.body,
    });
    let mut attributes = system_attributes(taken);
    if !system.iter().any(|name| name == "All") {
        attributes.retain(|name, _| system.contains(name));
    }
    if !attributes.is_empty() {
        message["Attributes"] = json!(attributes);
    }
    let attributes = message_attributes(taken, wanted);
    if let Some(digest) =
        digest::of_attributes(attributes.iter().map(|(name, attribute)| (*name, *attribute)))
    {
        message["MD5OfMessageAttributes"] = json!(digest);
        message["MessageAttributes"] =
            attributes.into_iter().map(|(name, attribute)| (name.clone(), attribute.to_json())).collect();
    }
    message
}
