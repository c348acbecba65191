//! Events that the archive does not have yet.

use toss_asl::HistoryEvent;

use crate::{
    EngineError,
    codec::{decode, encode_into},
};

/// The bytes that an event with a small payload takes.
const USUAL: usize = 192;

/// Events in the form in which the archive keeps them. They are written when they happen: the values they hold
/// are at hand then, and the thread that made them lets go of them, which costs a fraction of what it costs
/// the archive's thread later. They also take much less room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fresh {
    /// The number of the first.
    first: u64,
    count: u32,
    bytes: Vec<u8>,
}

/// How far [`Fresh`] had come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    count: u32,
    length: usize,
}

/// A piece of history as the archive stores it.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The number of the first event.
    pub(crate) first: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Fresh {
    pub(crate) fn extend(&mut self, events: &[HistoryEvent]) -> Result<(), EngineError> {
        self.bytes.reserve(USUAL * events.len());
        for event in events {
            let length = self.bytes.len();
            if let Err(error) = encode_into("history", event, &mut self.bytes) {
                self.bytes.truncate(length);
                return Err(error);
            }
            if self.count == 0 {
                self.first = event.id;
            }
            self.count += 1;
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { count: self.count, length: self.bytes.len() }
    }

    /// Forgets what was here at the mark.
    pub(crate) fn forget(&mut self, mark: Mark) {
        if mark.count == self.count {
            *self = Self::default();
            return;
        }
        // Events are numbered without gaps.
        self.first += u64::from(mark.count);
        self.count -= mark.count;
        self.bytes.drain(..mark.length);
    }

    /// All events as one list, if there are any.
    pub(crate) fn piece(&self) -> Option<Piece> {
        (self.count > 0).then(|| {
            // MessagePack's array of up to 2^32 elements.
            let mut bytes = Vec::with_capacity(5 + self.bytes.len());
            bytes.push(0xdd);
            bytes.extend_from_slice(&self.count.to_be_bytes());
            bytes.extend_from_slice(&self.bytes);
            Piece { first: self.first, bytes }
        })
    }

    pub(crate) fn events(&self) -> Result<Vec<HistoryEvent>, EngineError> {
        self.piece().map_or_else(|| Ok(Vec::new()), |piece| decode("history", &piece.bytes))
    }
}

#[cfg(test)]
mod tests {
    use toss_asl::{Event, Timestamp};

    use super::*;

    fn event(id: u64) -> HistoryEvent {
        HistoryEvent {
            id,
            previous: id - 1,
            timestamp: Timestamp::from_millis(id as i64),
            event: Event::ExecutionTimedOut(toss_asl::Failure::default()),
        }
    }

    #[test]
    fn events_that_came_after_a_mark_stay_when_those_before_it_are_forgotten() {
        let mut fresh = Fresh::default();
        fresh.extend(&[event(1), event(2)]).unwrap();
        let mark = fresh.mark();
        fresh.extend(&[event(3)]).unwrap();
        assert_eq!(fresh.events().unwrap().len(), 3);
        fresh.forget(mark);
        assert_eq!(fresh.piece().unwrap().first, 3);
        assert_eq!(fresh.events().unwrap(), [event(3)]);
        fresh.forget(fresh.mark());
        assert!(fresh.is_empty() && fresh.piece().is_none());
    }
}
