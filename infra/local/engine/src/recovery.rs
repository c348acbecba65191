//! Starting: what the archive holds, what the journal adds, and what has to be taken up again.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use toss_asl::{Effect, Status, Stimulus, Timestamp};
use toss_local_journal::{Records, Recovered};

use crate::{
    EngineError,
    archive::Reader,
    catalogue::Catalogue,
    codec::decode,
    core::Core,
    executions::{Note, Slot},
    outbox::Announcement,
    record::{Profile, Record, Standing, Start},
    tasks,
};

/// The catalogue that the archive holds.
pub(crate) fn stored_catalogue(archive: &Reader) -> Result<Catalogue, EngineError> {
    let mut catalogue = Catalogue::default();
    for change in archive.changes()? {
        catalogue.apply(&change);
    }
    Ok(catalogue)
}

/// Replays the journal.
pub(crate) fn replay(core: &Arc<Core>, recovered: Recovered, folder: &Path) -> Result<(), EngineError> {
    if let Some(cut) = &recovered.cut {
        tracing::warn!(
            path = %cut.path.display(), offset = cut.offset, dropped = cut.dropped, reason = cut.reason,
            "the journal's torn end was cut; nothing that was acknowledged is lost"
        );
    }
    for (position, key, body) in core.archive.outbox()? {
        core.outbox.restore(position, key, decode::<Announcement>("outbox", &body)?);
    }
    let mut delivered = core.archive.counter("delivered")?.unwrap_or(0);
    for part in recovered.snapshot {
        // A compaction leaves nothing in the journal: all is in the archive.
        let _ = part?;
    }
    let replay = Replay { core };
    let mut count = 0_u64;
    let records: Records = recovered.records;
    for record in records {
        let record = record?;
        let position = record.position;
        match decode::<Record>("record", &record.payload)? {
            Record::Delivered { position } => delivered = delivered.max(position),
            other => replay.take(other, position)?,
        }
        count += 1;
    }
    core.outbox.forget_before(delivered);
    tracing::info!(records = count, folder = %folder.display(), "the journal was replayed");
    Ok(())
}

struct Replay<'a> {
    core: &'a Arc<Core>,
}

impl Replay<'_> {
    fn take(&self, record: Record, position: u64) -> Result<(), EngineError> {
        match record {
            Record::Started(start) => self.started(&start, position),
            Record::Happened { key, now, stimulus } => self.happened(key, now, stimulus, position),
            Record::Ended { key } => {
                if let Some(slot) = self.core.slot(key)? {
                    slot.lock().standing.status = Status::Succeeded;
                }
                Ok(())
            }
            Record::Catalogue(change) => {
                let mut catalogue = self.core.catalogue_mut();
                catalogue.apply(&change);
                catalogue.unsaved.push(*change);
                catalogue.position = position + 1;
                Ok(())
            }
            Record::Delivered { .. } => Ok(()),
        }
    }

    fn started(&self, start: &Start, position: u64) -> Result<(), EngineError> {
        let core = self.core;
        let key = start.profile.key;
        core.next_key.fetch_max(key + 1, Ordering::SeqCst);
        if let Some(stored) = core.archive.execution(key)? {
            let ended = stored.position == position + 1 && stored.standing.status != Status::Running;
            let standing = if ended { stored.standing } else { Standing::running() };
            self.announce(&start.profile, position, start.profile.started, (true, standing));
            if ended {
                core.keeper.ended_in_replay(key);
            }
            return Ok(());
        }
        let (slot, outcome) = core.begin(start, false)?;
        let mut names = core.executions.names(&start.profile.machine, &start.profile.name);
        core.executions.insert(&mut names, &slot);
        drop(names);
        let mut state = slot.lock();
        let ended = state.absorb(key, outcome, start.profile.started, &core.timers)?.ended;
        state.position = position + 1;
        core.keeper.queue(&slot, &mut state);
        self.announce(&start.profile, position, start.profile.started, (true, state.standing.clone()));
        if ended {
            core.keeper.ended_in_replay(key);
        }
        Ok(())
    }

    fn happened(&self, key: u64, now: i64, stimulus: Stimulus, position: u64) -> Result<(), EngineError> {
        let core = self.core;
        let Some(slot) = core.slot(key)? else {
            return Err(EngineError::Unreadable {
                what: "record",
                reason: format!("execution {key} of record {position} is missing"),
            });
        };
        let mut state = slot.lock();
        if position < state.position {
            // The archive has it; the end may still have to be told.
            if position + 1 == state.position && state.standing.status != Status::Running {
                self.announce(&slot.profile, position, now, (false, state.standing.clone()));
                core.keeper.ended_in_replay(key);
            }
            return Ok(());
        }
        let note = Note::of(&stimulus);
        let Some(execution) = state.live(|| core.machine_of(&slot.profile))? else {
            return Ok(());
        };
        let outcome = execution.apply(stimulus, Timestamp::from_millis(now));
        if !outcome.accepted {
            return Err(EngineError::Unreadable {
                what: "record",
                reason: format!("record {position} no longer means anything to execution {key}"),
            });
        }
        state.note(&note, now);
        let ended = state.absorb(key, outcome, now, &core.timers)?.ended;
        state.position = position + 1;
        core.keeper.queue(&slot, &mut state);
        if ended || matches!(note, Note::Redriven) {
            self.announce(&slot.profile, position, now, (false, state.standing.clone()));
        }
        if ended {
            core.keeper.ended_in_replay(key);
        }
        Ok(())
    }

    fn announce(&self, profile: &Profile, position: u64, at: i64, (start, standing): (bool, Standing)) {
        if self.core.announces(profile) {
            self.core.outbox.restore(position, profile.key, Announcement { at, start, standing });
        }
    }
}

/// Sets the timers of executions that rest in the archive, and brings those with open calls into memory.
pub(crate) fn wake_archived(core: &Arc<Core>) -> Result<(), EngineError> {
    for slot in core.executions.all() {
        for (timer, at) in &slot.lock().timers {
            core.timers.set(slot.profile.key, *timer, *at);
        }
    }
    let mut busy = Vec::new();
    core.archive.each_open(|open| {
        if core.executions.shard(open.key).contains_key(&open.key) {
            return;
        }
        for (timer, at) in open.timers {
            core.timers.set(open.key, toss_asl::TimerId(timer), at);
        }
        if open.busy {
            busy.push(open.key);
        }
    })?;
    for key in busy {
        core.slot(key)?;
    }
    Ok(())
}

/// Takes up the open calls and timers of all executions in memory.
pub(crate) fn take_up(core: &Arc<Core>) -> Result<(), EngineError> {
    for key in core.keeper.take_ended() {
        if let Some(slot) = core.slot(key)? {
            tasks::tell_parent(core, &slot);
        }
    }
    for slot in core.executions.all() {
        if let Some(effects) = open_effects(core, &slot)? {
            core.resume(&slot, effects);
        }
    }
    Ok(())
}

fn open_effects(core: &Core, slot: &Slot) -> Result<Option<Vec<Effect>>, EngineError> {
    let mut state = slot.lock();
    if state.standing.status != Status::Running {
        return Ok(None);
    }
    let Some(execution) = state.live(|| core.machine_of(&slot.profile))? else {
        return Ok(None);
    };
    let mut effects = execution.open_effects();
    effects.retain(|effect| !matches!(effect, Effect::SetTimer { .. }));
    Ok((!effects.is_empty()).then_some(effects))
}
