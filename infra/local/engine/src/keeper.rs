//! Writes executions to the archive behind the journal, evicts those that rest, and compacts the journal.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use toss_asl::Status;

use crate::{
    EngineError,
    archive::{Row, Writer, put_change, put_counter, put_execution, put_outbox, remove_execution},
    codec::encode,
    core::{Core, lock},
    executions::{Mark, Slot, State},
    record::{Origin, Profile},
};

/// How long an execution without a stimulus stays in memory.
const REST: Duration = Duration::from_secs(2);

/// How many executions may be in memory before those without a stimulus leave it sooner.
const CROWD: usize = 20_000;

/// How long an execution without a stimulus stays in memory then.
const CROWDED_REST: Duration = Duration::from_millis(100);

/// How often the keeper looks at its list.
const ROUND: Duration = Duration::from_millis(250);

/// How many executions are written in one transaction.
const BATCH: usize = 512;

/// How many executions may wait for the archive before the keeper hurries.
const HURRY: usize = 2000;

/// The list of executions that differ from the archive, and the orders to the thread.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    list: Mutex<Vec<Arc<Slot>>>,
    orders: Mutex<Vec<Order>>,
    work: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Executions whose end was replayed: whoever waits for them is told once all is replayed.
    ended: Mutex<Vec<u64>>,
    /// Executions that ended and whose parents are not told yet, with the positions of their ends.
    telling: Mutex<HashMap<u64, u64>>,
}

#[derive(Debug)]
enum Order {
    /// Write what a list needs to show, then tell.
    Publish(mpsc::Sender<()>),
    /// Write everything, empty the journal, then tell.
    Compact(mpsc::Sender<()>),
    /// As `Compact`, and end.
    Stop(mpsc::Sender<()>),
}

/// Which executions a round writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// Those that ended or rest.
    Resting,
    /// Also those whose line in a list has changed.
    Listed,
    /// All.
    All,
}

impl Keeper {
    /// Puts an execution on the list, if it is not there.
    pub(crate) fn queue(&self, slot: &Arc<Slot>, state: &mut State) {
        if !std::mem::replace(&mut state.queued, true) {
            let mut list = lock(&self.list);
            list.push(Arc::clone(slot));
            if list.len() == HURRY {
                drop(list);
                self.work.notify_one();
            }
        }
    }

    /// An execution ends with the record at this position; until its parent is told, the record must stay.
    pub(crate) fn ending(&self, profile: &Profile, position: u64) {
        if !matches!(profile.origin, Origin::Call) {
            lock(&self.telling).insert(profile.key, position);
        }
    }

    /// The execution's parent was told, and has the news in the journal.
    pub(crate) fn told(&self, profile: &Profile) {
        if !matches!(profile.origin, Origin::Call) {
            lock(&self.telling).remove(&profile.key);
        }
    }

    pub(crate) fn ended_in_replay(&self, key: u64) {
        lock(&self.ended).push(key);
    }

    pub(crate) fn take_ended(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.ended))
    }

    /// Starts the thread.
    pub(crate) fn start(core: &Arc<Core>, archive: &Path, journal_limit: u64) -> Result<(), EngineError> {
        let writer = Writer::open(archive)?;
        let weak = Arc::downgrade(core);
        let keeper = Arc::clone(&core.keeper);
        let thread = std::thread::Builder::new()
            .name("archive".into())
            .spawn(move || run(&weak, &keeper, writer, journal_limit))
            .map_err(|source| EngineError::Folder { path: archive.to_owned(), source })?;
        *lock(&core.keeper.thread) = Some(thread);
        Ok(())
    }

    /// Returns when the archive can list every execution.
    pub(crate) fn publish(&self) {
        self.order(Order::Publish);
    }

    /// Returns when the archive holds everything and the journal is empty.
    pub(crate) fn compact(&self) {
        self.order(Order::Compact);
    }

    /// As [`Keeper::compact`], and ends the thread.
    pub(crate) fn stop(&self) {
        self.order(Order::Stop);
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the archive's thread ended abnormally");
        }
    }

    fn order(&self, make: impl FnOnce(mpsc::Sender<()>) -> Order) {
        let (sender, done) = mpsc::channel();
        lock(&self.orders).push(make(sender));
        self.work.notify_one();
        // An error means that the thread has ended: nothing more will be written.
        done.recv().ok();
    }
}

fn run(core: &Weak<Core>, keeper: &Keeper, mut writer: Writer, journal_limit: u64) {
    loop {
        let orders = wait(keeper);
        let Some(core) = core.upgrade() else { return };
        let mut choice = Choice::Resting;
        let mut stop = false;
        let mut compact = core.journal.size() > journal_limit;
        for order in &orders {
            match order {
                Order::Publish(_) => choice = Choice::Listed,
                Order::Compact(_) => compact = true,
                Order::Stop(_) => (compact, stop) = (true, true),
            }
        }
        let done = if compact {
            compact_journal(&core, &mut writer)
        } else {
            write_round(&core, &mut writer, choice)
        };
        if let Err(error) = done {
            // The journal still holds everything; the next round tries again.
            tracing::error!(%error, "the archive could not be written");
        }
        for order in orders {
            let (Order::Publish(done) | Order::Compact(done) | Order::Stop(done)) = order;
            done.send(()).ok();
        }
        if stop {
            return;
        }
    }
}

fn wait(keeper: &Keeper) -> Vec<Order> {
    let mut orders = lock(&keeper.orders);
    if orders.is_empty() {
        orders = keeper.work.wait_timeout(orders, ROUND).unwrap_or_else(PoisonError::into_inner).0;
    }
    std::mem::take(&mut *orders)
}

/// Writes everything that came before this call, then empties the journal of it.
fn compact_journal(core: &Core, writer: &mut Writer) -> Result<(), EngineError> {
    let compaction = core.journal.begin_compaction()?;
    let line = core.journal.next_position();
    write_round(core, writer, Choice::All)?;
    let (changes, position) = {
        let catalogue = core.catalogue();
        (catalogue.unsaved.clone(), catalogue.position)
    };
    let (delivered, waiting) = core.outbox.contents();
    let last =
        waiting.iter().map(|(position, ..)| *position).max().unwrap_or(0).max(position.saturating_sub(1));
    core.wait_durable(last + 1)?;
    writer.transaction(|transaction| {
        for change in &changes {
            put_change(transaction, change)?;
        }
        put_outbox(transaction, delivered, &waiting)?;
        put_counter(transaction, "next_key", core.next_key.load(std::sync::atomic::Ordering::SeqCst))
    })?;
    writer.flush()?;
    if lock(&core.keeper.telling).values().any(|position| *position < line) {
        // The journal alone knows that a parent has still to be told: the next round tries again.
        return Ok(());
    }
    compaction.finish()?;
    core.catalogue_mut().unsaved.drain(..changes.len());
    Ok(())
}

fn write_round(core: &Core, writer: &mut Writer, choice: Choice) -> Result<(), EngineError> {
    let list = std::mem::take(&mut *lock(&core.keeper.list));
    let rest = if list.len() > CROWD { CROWDED_REST } else { REST };
    let (mut chosen, later): (Vec<_>, Vec<_>) = list.into_iter().partition(|slot| wanted(slot, choice, rest));
    lock(&core.keeper.list).extend(later);
    while !chosen.is_empty() {
        let batch = chosen.split_off(chosen.len().saturating_sub(BATCH));
        if let Err(error) = write_batch(core, writer, &batch) {
            chosen.extend(batch);
            lock(&core.keeper.list).extend(chosen);
            return Err(error);
        }
        for slot in batch {
            settle(core, slot, rest);
        }
    }
    Ok(())
}

fn wanted(slot: &Slot, choice: Choice, rest: Duration) -> bool {
    let state = slot.lock();
    let over = state.standing.status != Status::Running;
    match choice {
        _ if slot.volatile => over,
        Choice::All => true,
        Choice::Listed => over || state.archived.is_none() || state.touched.elapsed() > rest,
        Choice::Resting => over || state.touched.elapsed() > rest,
    }
}

/// What [`write_batch`] needs to know of a slot after the commit.
struct Written {
    row: Row,
    events: Mark,
}

fn write_batch(core: &Core, writer: &mut Writer, batch: &[Arc<Slot>]) -> Result<(), EngineError> {
    let mut written = Vec::with_capacity(batch.len());
    let mut position = 0;
    for slot in batch {
        let mut state = slot.lock();
        let known = state.archived == Some(state.position) && state.fresh.is_empty();
        if known || slot.volatile {
            state.archived = Some(state.position);
            let all = state.fresh.mark();
            state.fresh.forget(all);
            written.push(None);
            continue;
        }
        position = position.max(state.position);
        written.push(Some(prepare(slot, &mut state)?));
    }
    // The archive must never know of what the journal could still lose.
    core.wait_durable(position)?;
    writer.transaction(|transaction| {
        for Written { row, .. } in written.iter().flatten() {
            if row.profile.express && row.standing.status != Status::Running {
                remove_execution(transaction, row.profile.key)?;
            } else {
                put_execution(transaction, row)?;
            }
        }
        Ok(())
    })?;
    for (slot, written) in batch.iter().zip(written) {
        if let Some(Written { row, events }) = written {
            let mut state = slot.lock();
            state.fresh.forget(events);
            state.standing.pieces = row.standing.pieces;
            state.archived = Some(row.position);
        }
    }
    Ok(())
}

fn prepare(slot: &Slot, state: &mut State) -> Result<Written, EngineError> {
    let timers: Vec<(u32, i64)> = state.timers.iter().map(|(timer, at)| (timer.0, *at)).collect();
    let mut standing = state.standing.clone();
    let events = state.fresh.piece();
    if events.is_some() {
        standing.pieces += 1;
    }
    let row = Row {
        profile: Arc::clone(&slot.profile),
        standing,
        position: state.position,
        busy: state.is_busy(),
        timers: if timers.is_empty() { Vec::new() } else { encode("timers", &timers)? },
        snapshot: state.snapshot()?,
        events,
    };
    Ok(Written { row, events: state.fresh.mark() })
}

/// Evicts a slot that was written and rests, or keeps it on the list.
fn settle(core: &Core, slot: Arc<Slot>, rest: Duration) {
    let evictable = {
        let state = slot.lock();
        let rests = state.standing.status != Status::Running || state.touched.elapsed() > rest;
        rests && state.archived == Some(state.position) && state.fresh.is_empty()
    };
    if evictable && core.executions.evict(&slot, 1) {
        return;
    }
    lock(&core.keeper.list).push(slot);
}
