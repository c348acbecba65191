//! Status events on their way to the listener, at least once and across crashes.
//!
//! The place of an event is taken when its record is appended, and the event follows when the record is on
//! disk. Positions below the first that is not delivered are never offered again; that position is journalled
//! now and then.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;
use toss_asl::{Payload, Status};
use toss_local_journal::Ticket;

use crate::{
    EngineError,
    codec::encode,
    core::Core,
    record::{Profile, Record, Standing},
};

/// After how many deliveries the position is journalled.
const MARK: u64 = 256;

/// A change of an execution's status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) at: i64,
    /// Whether it is of the start's record. An execution may end with it, and both are told then.
    pub(crate) start: bool,
    pub(crate) standing: Standing,
}

/// How many deliveries run side by side. The events of one execution stay in order.
const LANES: usize = 16;

/// The events that wait.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    ready: [Notify; LANES],
    marked: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: BTreeMap<u64, Entry>,
    /// Positions below are delivered, if no entry is.
    delivered: u64,
    ready: [VecDeque<u64>; LANES],
}

#[derive(Debug)]
struct Entry {
    key: u64,
    announcement: Announcement,
}

impl Outbox {
    /// Appends a record of the journal that an event belongs to, and takes the event's place.
    pub(crate) fn append(
        &self,
        key: u64,
        announcement: Announcement,
        append: impl FnOnce() -> Ticket,
    ) -> Result<u64, EngineError> {
        // The lock orders append and entry: the delivered position must not pass a record whose event is
        // not here yet.
        let mut waiting = self.lock();
        let ticket = append();
        match ticket.position() {
            Some(position) => {
                waiting.entries.insert(position, Entry { key, announcement });
                waiting.delivered = waiting.delivered.max(position + 1);
                Ok(position)
            }
            None => Err(ticket.wait().err().map_or(EngineError::Closed, EngineError::from)),
        }
    }

    /// Takes an event in that an earlier run did not deliver.
    pub(crate) fn restore(&self, position: u64, key: u64, announcement: Announcement) {
        let mut waiting = self.lock();
        waiting.entries.insert(position, Entry { key, announcement });
        waiting.ready[lane(key)].push_back(position);
        waiting.delivered = waiting.delivered.max(position + 1);
    }

    /// The event's record is on disk.
    pub(crate) fn release(&self, key: u64, position: u64) {
        self.lock().ready[lane(key)].push_back(position);
        self.ready[lane(key)].notify_one();
    }

    /// The position below which all is delivered, and what waits.
    pub(crate) fn contents(&self) -> (u64, Vec<(u64, u64, Vec<u8>)>) {
        let waiting = self.lock();
        let entries = waiting.entries.iter().filter_map(|(position, entry)| {
            Some((*position, entry.key, encode("outbox", &entry.announcement).ok()?))
        });
        (waiting.mark(), entries.collect())
    }

    /// Forgets events of positions below, as they were delivered by an earlier run.
    pub(crate) fn forget_before(&self, position: u64) {
        let mut waiting = self.lock();
        waiting.entries = waiting.entries.split_off(&position);
        for lane in &mut waiting.ready {
            lane.retain(|ready| *ready >= position);
        }
        waiting.delivered = waiting.delivered.max(position);
    }

    fn take(&self, lane: usize) -> Option<(u64, u64, Announcement)> {
        let mut waiting = self.lock();
        let position = waiting.ready[lane].pop_front()?;
        let entry = waiting.entries.get(&position)?;
        Some((position, entry.key, entry.announcement.clone()))
    }

    fn delivered(&self, position: u64) -> u64 {
        let mut waiting = self.lock();
        waiting.entries.remove(&position);
        waiting.mark()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn mark(&self) -> u64 {
        self.entries.first_key_value().map_or(self.delivered, |(position, _)| *position)
    }
}

fn lane(key: u64) -> usize {
    key as usize % LANES
}

/// Delivers events until the engine stops.
pub(crate) fn deliver(core: &Arc<Core>) {
    for lane in 0..LANES {
        core.runtime.spawn(deliver_lane(Arc::clone(core), lane));
    }
}

async fn deliver_lane(core: Arc<Core>, lane: usize) {
    while !core.stopping.load(Ordering::SeqCst) {
        let Some((position, key, announcement)) = core.outbox.take(lane) else {
            tokio::select! {
                () = core.outbox.ready[lane].notified() => {}
                () = core.stopped.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
            continue;
        };
        for event in events_of(&core, key, &announcement) {
            if !offer(&core, &event).await {
                return;
            }
        }
        let mark = core.outbox.delivered(position);
        if !note_delivered(&core, mark, lane) {
            return;
        }
    }
}

/// Offers an event until it is taken; `false` if the engine stops before.
async fn offer(core: &Core, event: &Value) -> bool {
    let mut pause = Duration::from_millis(50);
    while let Err(error) = core.listener.status_changed(event).await {
        tracing::warn!(%error, "a status event was not taken; it is offered again");
        if core.stopping.load(Ordering::SeqCst) {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
    true
}

/// Journals now and then how far deliveries have come; `false` if the journal has stopped.
fn note_delivered(core: &Core, mark: u64, lane: usize) -> bool {
    let marked = core.outbox.marked.load(Ordering::Relaxed);
    let idle = core.outbox.lock().ready[lane].is_empty();
    if mark < marked + if idle { 1 } else { MARK } {
        return true;
    }
    core.outbox.marked.store(mark, Ordering::Relaxed);
    match encode("record", &Record::Delivered { position: mark }) {
        Ok(record) => core.journal.append_lazy(&record).is_ok(),
        Err(_) => false,
    }
}

fn events_of(core: &Core, key: u64, announcement: &Announcement) -> Vec<Value> {
    let profile = match core.executions.shard(key).get(&key) {
        Some(slot) => Some(Arc::clone(&slot.profile)),
        None => None,
    };
    let stored = || Some(core.archive.execution(key).ok().flatten()?.profile);
    let Some(profile) = profile.or_else(stored) else { return Vec::new() };
    let mut events = Vec::with_capacity(2);
    if announcement.start && announcement.standing.status != Status::Running {
        let standing = Standing::running();
        events.push(event(core, &profile, &Announcement { at: profile.started, start: true, standing }));
    }
    events.push(event(core, &profile, announcement));
    events
}

fn event(core: &Core, profile: &Profile, announcement: &Announcement) -> Value {
    let arn = core.arn_of(profile);
    let standing = &announcement.standing;
    let input = profile.input.text();
    let output = standing.output.as_ref().map(Payload::text);
    // EventBridge takes events of 256 KiB at most; longer data is left out.
    let included = input.len() + output.map_or(0, str::len) <= 248 * 1024;
    let (redrive_status, redrive_reason) = redrive_status(profile, standing);
    let details = json!({ "included": included });
    json!({
        "version": "0",
        "id": event_id(profile.key, announcement.at, standing.status),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": core.names.account,
        "time": rfc3339(announcement.at),
        "region": core.names.region,
        "resources": [arn],
        "detail": {
            "executionArn": arn,
            "stateMachineArn": core.names.machine(&profile.machine),
            "name": profile.name,
            "status": standing.status.name(),
            "startDate": profile.started,
            "stopDate": standing.stopped,
            "input": included.then_some(input),
            "output": output.filter(|_| included),
            "stateMachineVersionArn": profile.version.map(|version| core.names.version(&profile.machine, version)),
            "stateMachineAliasArn": profile.alias.as_ref().map(|alias| core.names.alias(&profile.machine, alias)),
            "redriveCount": standing.redrives,
            "redriveDate": standing.redriven,
            "redriveStatus": redrive_status,
            "redriveStatusReason": redrive_reason,
            "inputDetails": details,
            "outputDetails": output.map(|_| details.clone()),
            "error": standing.failure.error,
            "cause": standing.failure.cause,
        }
    })
}

/// Whether an execution can be redriven, and why not, in AWS's words.
pub(crate) fn redrive_status(profile: &Profile, standing: &Standing) -> (&'static str, Option<&'static str>) {
    if profile.express {
        return ("NOT_REDRIVABLE", None);
    }
    match standing.status {
        Status::Running => ("NOT_REDRIVABLE", Some("Execution is RUNNING and cannot be redriven")),
        Status::Succeeded => ("NOT_REDRIVABLE", Some("Execution is SUCCEEDED and cannot be redriven")),
        Status::Failed | Status::TimedOut | Status::Aborted => ("REDRIVABLE", None),
    }
}

fn event_id(key: u64, at: i64, status: Status) -> String {
    let status = status as u64;
    format!("{:08x}-{:04x}-4000-8{status:03x}-{:012x}", key >> 16, key & 0xffff, at & 0xffff_ffff_ffff)
}

fn rfc3339(millis: i64) -> String {
    let text = toss_asl::Timestamp::from_millis(millis).to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}
