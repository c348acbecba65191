//! The queues and their journal, held together: what changes in memory is written down in the same order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use toss_kernel::Clock;
use toss_local_journal::{Journal, JournalError, Recovered};
use toss_local_protocol::ServiceError;

use crate::{QueuesError, move_task::MoveTask, name::Address, record::Record, state::State};

/// The journal is compacted when it holds this much more than twice what the queues hold.
const COMPACTION_SLACK: u64 = 32 << 20;

pub(crate) struct Inner {
    pub(crate) address: Address,
    pub(crate) base_url: RwLock<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) move_tasks: Mutex<BTreeMap<String, Arc<MoveTask>>>,
    state: Mutex<State>,
    compacting: AtomicBool,
}

impl Inner {
    pub(crate) fn new(
        address: Address,
        base_url: String,
        clock: Arc<dyn Clock>,
        journal: Journal,
        recovered: Recovered,
    ) -> Result<Self, QueuesError> {
        if let Some(cut) = &recovered.cut {
            tracing::warn!(path = %cut.path.display(), bytes = cut.dropped, "the queues' journal ended in a torn record; nobody was told of it");
        }
        Ok(Self {
            state: Mutex::new(recover(recovered)?),
            address,
            base_url: RwLock::new(base_url),
            clock,
            journal,
            move_tasks: Mutex::default(),
            compacting: AtomicBool::new(false),
        })
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state with one queue up to date.
    pub(crate) fn lock_at(&self, queue: &str, now: i64) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.advance(queue, now, |position| self.journal.is_durable(position));
        state
    }

    /// Begins a change that is answered only when it is on disk.
    pub(crate) fn change(&self) -> Change<'_> {
        self.change_of(self.lock())
    }

    pub(crate) fn change_of<'a>(&'a self, state: MutexGuard<'a, State>) -> Change<'a> {
        // INVARIANT: everything is appended under the state's lock, so the next append has this position.
        let position = self.journal.next_position();
        Change { inner: self, state, position, records: Vec::new() }
    }

    /// Carries out changes that a crash may undo without harm: a message is then merely delivered again.
    pub(crate) fn apply_lazily(&self, state: &mut State, records: Vec<Record>) -> Result<(), ServiceError> {
        if records.is_empty() {
            return Ok(());
        }
        self.journal.append_lazy(&encode(&records)?).map_err(|cause| failed(&cause))?;
        for record in records {
            state.apply(record, None);
        }
        Ok(())
    }

    /// Resolves when the record at this position is on disk.
    pub(crate) async fn written(&self, position: Option<u64>) -> Result<(), ServiceError> {
        match position {
            Some(position) => self.journal.durable(position).await.map(drop).map_err(|cause| failed(&cause)),
            None => Ok(()),
        }
    }

    /// Compacts the journal in the background when it has grown far beyond what the queues hold.
    pub(crate) fn compact_if_due(self: &Arc<Self>) {
        if self.journal.size() < COMPACTION_SLACK || self.compacting.load(Ordering::Relaxed) {
            return;
        }
        if self.journal.size() < COMPACTION_SLACK + 2 * self.lock().live_bytes()
            || self.compacting.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let inner = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(cause) = inner.compact() {
                tracing::error!(%cause, "the queues' journal could not be compacted; it keeps growing until the next try");
            }
            inner.compacting.store(false, Ordering::Release);
        });
    }

    /// Replaces the journal by the present state.
    pub(crate) fn compact(&self) -> Result<(), JournalError> {
        let (mut compaction, snapshot) = {
            let mut state = self.lock();
            state.advance_all(self.now(), |position| self.journal.is_durable(position));
            (self.journal.begin_compaction()?, state.snapshot())
        };
        for record in snapshot {
            // A record that was read or taken once can be written again.
            let bytes = serde_json::to_vec(&[record]).unwrap_or_default();
            compaction.write(&bytes)?;
        }
        compaction.finish()
    }
}

/// A change under way. What is recorded is in memory at once, and in the journal as one when finished.
pub(crate) struct Change<'a> {
    inner: &'a Inner,
    pub(crate) state: MutexGuard<'a, State>,
    position: u64,
    records: Vec<Record>,
}

impl Change<'_> {
    pub(crate) fn record(&mut self, record: Record) {
        self.state.apply(record.clone(), Some(self.position));
        self.records.push(record);
    }

    /// Hands the change to the journal; answers the position to wait for, or none if nothing changed.
    pub(crate) fn finish(self) -> Result<Option<u64>, ServiceError> {
        if self.records.is_empty() {
            return Ok(None);
        }
        let ticket = self.inner.journal.append(&encode(&self.records)?);
        match ticket.position() {
            Some(position) => Ok(Some(position)),
            // Refused: the ticket knows why without waiting.
            None => Err(ticket.wait().map_or_else(|cause| failed(&cause), |_| ServiceError::internal())),
        }
    }
}

fn recover(recovered: Recovered) -> Result<State, QueuesError> {
    let mut state = State::default();
    for payload in recovered.snapshot {
        apply(&mut state, &payload?)?;
    }
    for record in recovered.records {
        apply(&mut state, &record?.payload)?;
    }
    Ok(state)
}

fn apply(state: &mut State, payload: &[u8]) -> Result<(), QueuesError> {
    let records: Vec<Record> = serde_json::from_slice(payload).map_err(|cause| QueuesError::Record {
        reason: format!("line {}, column {}", cause.line(), cause.column()),
    })?;
    for record in records {
        state.apply(record, None);
    }
    Ok(())
}

fn encode(records: &[Record]) -> Result<Vec<u8>, ServiceError> {
    serde_json::to_vec(records).map_err(|cause| {
        tracing::error!(%cause, "a change of the queues could not be encoded");
        ServiceError::internal()
    })
}

/// Logs what went wrong with the journal and answers that something did.
pub(crate) fn failed(cause: &JournalError) -> ServiceError {
    tracing::error!(%cause, "the queues' journal failed");
    ServiceError::internal()
}
