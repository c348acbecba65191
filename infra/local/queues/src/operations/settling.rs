//! What a consumer does with a message it holds: delete it, or change how long it stays hidden.

use serde::Deserialize;
use serde_json::Value;
use toss_local_protocol::ServiceError;

use super::{
    batch::{self, Outcomes},
    parse,
    receiving::{LONGEST_VISIBILITY, check_visibility},
};
use crate::{
    inner::{Change, Inner},
    receipt::Receipt,
    record::Record,
    refusal::{self, required},
    state::{Message, Place, State},
};

/// A receipt: a whole `DeleteMessage` or `ChangeMessageVisibility`, or an entry of their batches.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Held {
    queue_url: Option<String>,
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeldBatch {
    queue_url: Option<String>,
    entries: Option<Vec<Held>>,
}

impl Inner {
    pub(super) async fn delete_message(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: Held = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let handle = required(input.receipt_handle, "ReceiptHandle")?;
        self.delete(&queue, &handle).await?;
        Ok(Value::Null)
    }

    pub(super) async fn delete_message_batch(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: HeldBatch = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let entries = batch::checked(input.entries, |entry| entry.id.as_ref())?;
        let mut outcomes = Outcomes::default();
        let position = {
            let mut change = self.change_of(self.lock_at(&queue, self.now()));
            change.state.queue(&queue)?;
            for (id, entry) in entries {
                let handle = required(entry.receipt_handle, "ReceiptHandle");
                let outcome = handle.and_then(|handle| delete_in(&mut change, &queue, &handle));
                outcomes.add(&id, outcome.map(|()| Value::Null));
            }
            change.finish()?
        };
        self.written(position).await?;
        Ok(outcomes.answer())
    }

    pub(super) fn change_message_visibility(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: Held = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let handle = required(input.receipt_handle, "ReceiptHandle")?;
        let seconds = required(input.visibility_timeout, "VisibilityTimeout")?;
        self.change_visibility(&queue, &handle, seconds)?;
        Ok(Value::Null)
    }

    pub(super) fn change_message_visibility_batch(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: HeldBatch = parse(body)?;
        let queue = self.queue_name(input.queue_url.as_deref())?;
        let entries = batch::checked(input.entries, |entry| entry.id.as_ref())?;
        self.lock().queue(&queue)?;
        let mut outcomes = Outcomes::default();
        for (id, entry) in entries {
            let handle = required(entry.receipt_handle, "ReceiptHandle");
            let seconds = required(entry.visibility_timeout, "VisibilityTimeout");
            let outcome = handle
                .and_then(|handle| self.change_visibility(&queue, &handle, seconds?))
                .map(|()| Value::Null);
            outcomes.add(&id, outcome);
        }
        Ok(outcomes.answer())
    }

    /// Deletes a message, durably.
    pub(crate) async fn delete(&self, queue: &str, handle: &str) -> Result<(), ServiceError> {
        let position = {
            let mut change = self.change_of(self.lock_at(queue, self.now()));
            delete_in(&mut change, queue, handle)?;
            change.finish()?
        };
        self.written(position).await
    }

    /// Hides a message for so many seconds from now; 0 shows it again.
    pub(crate) fn change_visibility(
        &self,
        queue: &str,
        handle: &str,
        seconds: i64,
    ) -> Result<(), ServiceError> {
        check_visibility(seconds)?;
        let now = self.now();
        let mut state = self.lock_at(queue, now);
        let receipt = receipt(&state, queue, handle)?;
        let unavailable = "Message does not exist or is not available for visibility timeout change.";
        let message = held(&state, queue, &receipt)
            .ok_or_else(|| refusal::invalid_value(handle, "ReceiptHandle", unavailable))?;
        if !matches!(message.place, Place::InFlight(_)) || message.receive_count != receipt.count {
            return Err(refusal::modelled(
                "MessageNotInflight",
                format!("The message is not in flight: {unavailable}"),
            ));
        }
        let until = now + seconds * 1000;
        if until > message.last_received + LONGEST_VISIBILITY * 1000 {
            let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(refusal::invalid_value(seconds, "VisibilityTimeout", reason));
        }
        let sequence = receipt.sequence;
        let record = Record::VisibilityChanged { queue: queue.to_owned(), sequence, until };
        self.apply_lazily(&mut state, vec![record])
    }

    pub(crate) fn release_in_flight(&self, queue: &str) -> Result<(), ServiceError> {
        let now = self.now();
        let mut state = self.lock_at(queue, now);
        let held = |message: &&Message| matches!(message.place, Place::InFlight(_));
        let records = state
            .queue(queue)?
            .messages()
            .filter(held)
            .map(|message| Record::VisibilityChanged {
                queue: queue.to_owned(),
                sequence: message.stored.sequence,
                until: now,
            })
            .collect();
        self.apply_lazily(&mut state, records)
    }
}

fn delete_in(change: &mut Change<'_>, queue: &str, handle: &str) -> Result<(), ServiceError> {
    let receipt = receipt(&change.state, queue, handle)?;
    let Some(message) = held(&change.state, queue, &receipt) else { return Ok(()) };
    // A receipt that the journal lost in a crash may be newer than what is known: it counts. An older one does
    // not: someone else holds the message now.
    if receipt.count < message.receive_count {
        return Ok(());
    }
    let fifo = change.state.queue(queue)?.settings.fifo;
    let expired = receipt.count == message.receive_count && !matches!(message.place, Place::InFlight(_));
    if fifo && expired {
        let reason = "The receipt handle has expired.";
        return Err(refusal::invalid_value(handle, "ReceiptHandle", reason));
    }
    change.record(Record::Deleted { queue: queue.to_owned(), sequence: receipt.sequence });
    Ok(())
}

fn receipt(state: &State, queue: &str, handle: &str) -> Result<Receipt, ServiceError> {
    state.queue(queue)?;
    let receipt = Receipt::read(handle).filter(|receipt| receipt.queue == queue);
    receipt.ok_or_else(refusal::invalid_receipt)
}

/// The message that a receipt is of, unless it is gone.
fn held<'a>(state: &'a State, queue: &str, receipt: &Receipt) -> Option<&'a Message> {
    let message = state.queue(queue).ok()?.message(receipt.sequence)?;
    (message.stored.id == receipt.message_id).then_some(message)
}
