//! Choosing the messages that a receive call is given.

use std::sync::Arc;

use toss_local_protocol::ServiceError;

use super::{Place, Queue, State};
use crate::{message::StoredMessage, receipt::Receipt, record::Record, refusal};

/// How long a receive attempt may be repeated, in milliseconds.
const ATTEMPT_WINDOW: i64 = 5 * 60 * 1000;
const MOST_IN_FLIGHT: usize = 120_000;

/// What a receive call asks for.
#[derive(Debug, Clone)]
pub(crate) struct Reception {
    pub(crate) most: usize,
    /// Seconds; the queue's own if none.
    pub(crate) visibility: Option<i64>,
    pub(crate) attempt_id: Option<String>,
}

/// A message that a receive call is given.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) stored: Arc<StoredMessage>,
    pub(crate) count: u32,
    pub(crate) first_received: i64,
    pub(crate) handle: String,
}

/// What a receive attempt was given, should it be repeated.
pub(crate) struct Attempt {
    at: i64,
    given: Vec<(u64, u32)>,
}

impl Attempt {
    pub(crate) fn is_over(&self, now: i64) -> bool {
        self.at + ATTEMPT_WINDOW <= now
    }
}

impl State {
    /// Decides what a receive call is given, and which messages have been received too often and go to the
    /// dead-letter queue instead.
    pub(crate) fn receive(
        &mut self,
        name: &str,
        target: Option<&str>,
        source_arn: &str,
        reception: &Reception,
        now: i64,
    ) -> Result<Received, ServiceError> {
        let queue = self.queue(name)?;
        let attempt = reception.attempt_id.as_ref().and_then(|id| queue.attempts.get(id));
        if let Some(given) = attempt.and_then(|attempt| queue.same_again(attempt)) {
            return Ok(self.received(name, given, reception, now));
        }
        let most_receipts = queue.settings.redrive.as_ref().map(|redrive| redrive.most_receipts);
        let most_receipts =
            most_receipts.filter(|_| target.is_some_and(|target| self.queues.contains_key(target)));
        let (mut chosen, mut dead) = (Vec::new(), Vec::new());
        for sequence in queue.available() {
            let Some(message) = queue.message(sequence) else { continue };
            if most_receipts.is_some_and(|most| message.receive_count >= most) {
                dead.push((sequence, message.stored.clone()));
            } else {
                chosen.push((sequence, message.receive_count + 1));
            }
            if chosen.len() >= reception.most {
                break;
            }
        }
        if !chosen.is_empty() && !queue.settings.fifo && queue.in_flight_count() >= MOST_IN_FLIGHT {
            return Err(refusal::modelled(
                "OverLimit",
                format!("{name} has {MOST_IN_FLIGHT} messages in flight; delete some first."),
            ));
        }
        let mut received = self.received(name, chosen, reception, now);
        if let Some(target) = target {
            for (sequence, stored) in dead {
                let records = self.give_up(name, target, source_arn, sequence, &stored, now);
                received.moves.push(Move { sequence, records });
            }
        }
        Ok(received)
    }

    /// Remembers what an attempt was given.
    pub(crate) fn remember_attempt(&mut self, name: &str, id: String, taken: &[Taken], now: i64) {
        if let Ok(queue) = self.queue_mut(name) {
            let given = taken.iter().map(|taken| (taken.stored.sequence, taken.count)).collect();
            queue.attempts.insert(id, Attempt { at: now, given });
        }
    }

    /// The records that move a message to another queue under a sequence of its own.
    fn give_up(
        &mut self,
        from: &str,
        to: &str,
        source_arn: &str,
        sequence: u64,
        stored: &StoredMessage,
        now: i64,
    ) -> [Record; 2] {
        let fifo = self.queue(to).is_ok_and(|queue| queue.settings.fifo);
        let message = StoredMessage {
            sequence: self.next_sequence(),
            // A standard queue counts the message's age from when it was first sent; a FIFO queue begins anew.
            sent: if fifo { now } else { stored.sent },
            delayed_until: 0,
            dead_letter_source: Some(source_arn.to_owned()),
            ..stored.clone()
        };
        [
            Record::Sent { queue: to.to_owned(), message: Arc::new(message), moved: true },
            Record::Deleted { queue: from.to_owned(), sequence },
        ]
    }

    fn received(&self, name: &str, chosen: Vec<(u64, u32)>, reception: &Reception, now: i64) -> Received {
        let mut received = Received::default();
        let Some(queue) = self.queues.get(name) else { return received };
        let until = now + reception.visibility.unwrap_or(queue.settings.visibility_timeout) * 1000;
        for (sequence, count) in chosen {
            let Some(message) = queue.message(sequence) else { continue };
            let first = message.first_received.unwrap_or(now);
            let receipt =
                Receipt { queue: name.to_owned(), sequence, count, message_id: message.stored.id.clone() };
            received.taken.push(Taken {
                stored: message.stored.clone(),
                count,
                first_received: first,
                handle: receipt.handle(),
            });
            received.receipts.push(Record::Received {
                queue: name.to_owned(),
                sequence,
                count,
                first,
                at: now,
                until,
            });
        }
        received
    }
}

/// What a receive call is given, and the records that make it so.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) taken: Vec<Taken>,
    pub(crate) receipts: Vec<Record>,
    pub(crate) moves: Vec<Move>,
}

/// A message that goes to the dead-letter queue, and the records that make it so.
pub(crate) struct Move {
    pub(crate) sequence: u64,
    pub(crate) records: [Record; 2],
}

impl Queue {
    /// What the attempt was given, if all of it is still with its consumer.
    fn same_again(&self, attempt: &Attempt) -> Option<Vec<(u64, u32)>> {
        let unchanged = |(sequence, count): &(u64, u32)| {
            self.message(*sequence).is_some_and(|message| {
                message.receive_count == *count && matches!(message.place, Place::InFlight(_))
            })
        };
        (!attempt.given.is_empty() && attempt.given.iter().all(unchanged)).then(|| attempt.given.clone())
    }
}
