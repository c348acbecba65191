//! Sending messages.

use std::{collections::BTreeMap, sync::Arc};

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::{Caller, ServiceError};

use super::{
    batch::{self, Outcomes},
    parse,
};
use crate::{
    digest,
    inner::{Change, Inner},
    message::{
        AttributeContent, AttributeInput, LARGEST_MESSAGE, MessageAttribute, StoredMessage, attributes_size,
        check_body, checked_attributes, system_attributes_digest,
    },
    record::Record,
    refusal::{self, required},
    settings::Settings,
    state::{Original, State},
};

/// Sequence numbers have twenty digits on AWS, and so here.
const FIRST_SEQUENCE_NUMBER: u128 = 18_849_496_460_000_000_000;
const LONGEST_DELAY: i64 = 900;
const LONGEST_ID: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch {
    queue_url: Option<String>,
    entries: Option<Vec<Outgoing>>,
}

/// A message to send: a whole `SendMessage`, or an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outgoing {
    queue_url: Option<String>,
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, AttributeInput>>,
    message_system_attributes: Option<BTreeMap<String, AttributeInput>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// A message that passed the checks that do not depend on the queue's other messages.
struct Checked {
    body: String,
    delay: i64,
    attributes: BTreeMap<String, MessageAttribute>,
    trace_header: Option<String>,
    group: Option<String>,
    deduplication_id: Option<String>,
}

/// What became of a message: its answer, and the journal position to wait for.
struct Sent {
    answer: Value,
    position: Option<u64>,
}

impl Inner {
    pub(super) async fn send_message(&self, caller: &Caller, body: &[u8]) -> Result<Value, ServiceError> {
        let outgoing: Outgoing = parse(body)?;
        let queue = self.queue_name(outgoing.queue_url.as_deref())?;
        let (sent, position) = {
            let mut change = self.change_of(self.lock_at(&queue, self.now()));
            let sent = self.send(&mut change, &queue, caller, outgoing)?;
            (sent, change.finish()?)
        };
        // A duplicate is answered when its original is on disk.
        self.written(position.max(sent.position)).await?;
        Ok(sent.answer)
    }

    pub(super) async fn send_message_batch(
        &self,
        caller: &Caller,
        body: &[u8],
    ) -> Result<Value, ServiceError> {
        let input: SendMessageBatch = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let entries = batch::checked(input.entries, |entry| entry.id.as_ref())?;
        let (mut outcomes, mut awaited) = (Outcomes::default(), None);
        {
            let mut change = self.change_of(self.lock_at(&queue, self.now()));
            change.state.queue(&queue)?;
            let size: usize = entries.iter().map(|(_, entry)| entry.size()).sum();
            if size > LARGEST_MESSAGE {
                return Err(refusal::modelled(
                    "BatchRequestTooLong",
                    format!(
                        "Batch requests cannot be longer than {LARGEST_MESSAGE} bytes. You have sent {size} bytes."
                    ),
                ));
            }
            for (id, entry) in entries {
                let sent = self.send(&mut change, &queue, caller, entry);
                awaited = awaited.max(sent.as_ref().ok().and_then(|sent| sent.position));
                outcomes.add(&id, sent.map(|sent| sent.answer));
            }
            awaited = awaited.max(change.finish()?);
        }
        self.written(awaited).await?;
        Ok(outcomes.answer())
    }

    fn send(
        &self,
        change: &mut Change<'_>,
        name: &str,
        caller: &Caller,
        outgoing: Outgoing,
    ) -> Result<Sent, ServiceError> {
        let now = self.now();
        let checked = outgoing.checked(&change.state.queue(name)?.settings)?;
        if let Some(original) = original(&change.state, name, &checked, now) {
            let answer = answer(&checked, &original.message_id, original.sequence, true);
            return Ok(Sent { answer, position: original.position });
        }
        let fifo = change.state.queue(name)?.settings.fifo;
        let id = new_id()?;
        let sequence = change.state.next_sequence();
        let sent = Sent { answer: answer(&checked, &id, sequence, fifo), position: None };
        let message = StoredMessage {
            sequence,
            id,
            body_digest: digest::of_body(&checked.body),
            body: checked.body,
            attributes: checked.attributes,
            trace_header: checked.trace_header,
            group: checked.group,
            deduplication_id: checked.deduplication_id,
            sender: match caller {
                Caller::Owner => self.address.account.clone(),
                Caller::Role { session, .. } => session.clone(),
            },
            sent: now,
            delayed_until: now + checked.delay * 1000,
            dead_letter_source: None,
        };
        change.record(Record::Sent { queue: name.to_owned(), message: Arc::new(message), moved: false });
        Ok(sent)
    }
}

impl Outgoing {
    /// The size that a batch counts.
    fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().flatten();
        self.message_body.as_ref().map_or(0, String::len)
            + attributes.map(|(name, attribute)| name.len() + attribute.size()).sum::<usize>()
    }

    fn checked(self, settings: &Settings) -> Result<Checked, ServiceError> {
        let body = required(self.message_body, "MessageBody")?;
        check_body(&body)?;
        let attributes = checked_attributes(self.message_attributes.unwrap_or_default())?;
        if body.len() + attributes_size(&attributes) > settings.maximum_message_size {
            return Err(refusal::invalid_parameter(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                settings.maximum_message_size
            )));
        }
        let delay = self.delay_seconds.unwrap_or(settings.delay);
        if !(0..=LONGEST_DELAY).contains(&delay) {
            return Err(refusal::invalid_value(
                delay,
                "DelaySeconds",
                "DelaySeconds must be >= 0 and <= 900.",
            ));
        }
        check_id(self.message_group_id.as_deref(), "MessageGroupId")?;
        check_id(self.message_deduplication_id.as_deref(), "MessageDeduplicationId")?;
        let deduplication_id = self.message_deduplication_id;
        let deduplication_id = if settings.fifo {
            required(self.message_group_id.as_ref(), "MessageGroupId")?;
            if self.delay_seconds.is_some_and(|delay| delay > 0) {
                return Err(not_for_this_type(delay, "DelaySeconds"));
            }
            let by_content = || settings.content_based_deduplication.then(|| crate::state::content_id(&body));
            let id = deduplication_id.or_else(by_content);
            Some(id.ok_or_else(|| refusal::invalid_parameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"))?)
        } else if let Some(id) = deduplication_id {
            return Err(not_for_this_type(id, "MessageDeduplicationId"));
        } else {
            None
        };
        Ok(Checked {
            trace_header: trace_header(self.message_system_attributes.unwrap_or_default())?,
            group: self.message_group_id,
            body,
            delay,
            attributes,
            deduplication_id,
        })
    }
}

/// The message that this one is a duplicate of, if it is one.
fn original(state: &State, queue: &str, checked: &Checked, now: i64) -> Option<Original> {
    let queue = state.queue(queue).ok()?;
    let key = queue.deduplication_key(checked.group.as_deref()?, checked.deduplication_id.as_deref()?);
    queue.deduplication.original(&key, now).cloned()
}

fn answer(checked: &Checked, id: &str, sequence: u64, fifo: bool) -> Value {
    let mut answer = json!({ "MessageId": id, "MD5OfMessageBody": digest::of_body(&checked.body) });
    if let Some(digest) = digest::of_attributes(&checked.attributes) {
        answer["MD5OfMessageAttributes"] = json!(digest);
    }
    if let Some(digest) = system_attributes_digest(checked.trace_header.as_ref()) {
        answer["MD5OfMessageSystemAttributes"] = json!(digest);
    }
    if fifo {
        answer["SequenceNumber"] = json!(sequence_number(sequence));
    }
    answer
}

/// A sequence in the form of SQS's sequence numbers.
pub(super) fn sequence_number(sequence: u64) -> String {
    (FIRST_SEQUENCE_NUMBER + u128::from(sequence)).to_string()
}

fn not_for_this_type(value: impl std::fmt::Display, parameter: &str) -> ServiceError {
    let reason = "The request include parameter that is not valid for this queue type";
    refusal::invalid_value(value, parameter, reason)
}

fn check_id(id: Option<&str>, parameter: &str) -> Result<(), ServiceError> {
    let allowed = |c: char| c.is_ascii_graphic();
    match id {
        Some(id) if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(allowed) => {
            Err(refusal::invalid_value(
                id,
                parameter,
                &format!(
                    "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn trace_header(inputs: BTreeMap<String, AttributeInput>) -> Result<Option<String>, ServiceError> {
    if let Some(name) = inputs.keys().find(|name| *name != "AWSTraceHeader") {
        return Err(refusal::invalid_value(
            name,
            "MessageSystemAttributes",
            "The only message system attribute that can be sent is AWSTraceHeader.",
        ));
    }
    match checked_attributes(inputs)?.remove("AWSTraceHeader") {
        None => Ok(None),
        Some(MessageAttribute { data_type, content: AttributeContent::Text(text) })
            if data_type == "String" =>
        {
            Ok(Some(text))
        }
        Some(_) => Err(refusal::invalid_parameter(
            "The message system attribute 'AWSTraceHeader' must be of type String.",
        )),
    }
}

/// A random UUID.
pub(super) fn new_id() -> Result<String, ServiceError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        tracing::error!("the system gave no random bytes for a message id");
        ServiceError::internal()
    })?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = digest::hex(&bytes);
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    ))
}
