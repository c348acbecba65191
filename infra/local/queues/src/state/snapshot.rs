//! The whole state as records, for compaction.

use super::{Place, Queue, State};
use crate::record::Record;

impl State {
    /// The records that make this state out of nothing.
    pub(crate) fn snapshot(&self) -> Vec<Record> {
        let mut records = vec![Record::Sequence(self.next_sequence)];
        for queue in self.queues.values() {
            queue.snapshot(&mut records);
        }
        records
    }
}

impl Queue {
    fn snapshot(&self, records: &mut Vec<Record>) {
        let queue = self.name.clone();
        records.push(Record::QueueCreated {
            queue: queue.clone(),
            attributes: self.settings.given().clone(),
            tags: self.tags.clone(),
            at: self.created,
            modified: self.modified,
        });
        for message in self.messages() {
            let sequence = message.stored.sequence;
            // The ids in use follow on their own, with those of messages that are gone.
            records.push(Record::Sent { queue: queue.clone(), message: message.stored.clone(), moved: true });
            if let (Some(first), count) = (message.first_received, message.receive_count) {
                let at = message.last_received;
                let until = if let Place::InFlight(until) = message.place { until } else { at };
                records.push(Record::Received { queue: queue.clone(), sequence, count, first, at, until });
            }
        }
        let mut originals: Vec<_> = self.deduplication.iter().collect();
        originals.sort_by_key(|(_, original)| original.at);
        for (key, original) in originals {
            records.push(Record::Deduplicated {
                queue: queue.clone(),
                key: key.clone(),
                sequence: original.sequence,
                message_id: original.message_id.clone(),
                at: original.at,
            });
        }
    }
}
