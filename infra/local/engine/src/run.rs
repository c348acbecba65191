//! Running executions: stimuli in, journalled, and effects carried out once they are on disk.

use std::sync::{Arc, atomic::Ordering};

use futures::future::BoxFuture;
use toss_asl::{Effect, Execution, Payload, Seed, Stimulus, Timestamp};

use crate::{
    EngineError,
    catalogue::Revision,
    codec::encode,
    core::Core,
    executions::{Absorbed, Note, Slot},
    outbox::Announcement,
    record::{Borrowed, Origin, Profile, Record, Start},
    tasks,
};

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) machine: Arc<str>,
    pub(crate) revision: Arc<Revision>,
    pub(crate) version: Option<u32>,
    pub(crate) alias: Option<Arc<str>>,
    pub(crate) express: bool,
    pub(crate) name: Arc<str>,
    pub(crate) input: Payload,
    pub(crate) trace: Option<Arc<str>>,
    pub(crate) origin: Origin,
    /// Whether the name was made for this start, so that no other execution can have it.
    pub(crate) fresh_name: bool,
    /// Whether the start is journalled: not for synchronous Express executions, whose caller sees the crash.
    pub(crate) durable: bool,
}

/// How a start went.
#[derive(Debug)]
pub(crate) enum Launched {
    /// A new execution.
    New(Step),
    /// One of this name was there.
    Existing(u64),
}

/// A stimulus that was applied and appended, with what has to be done when it is on disk.
#[derive(Debug)]
#[must_use]
pub(crate) struct Step {
    pub(crate) slot: Arc<Slot>,
    /// The position of its record.
    pub(crate) position: u64,
    absorbed: Absorbed,
    announced: bool,
}

impl Core {
    /// Starts an execution, unless one of the name is there.
    pub(crate) fn launch(self: &Arc<Self>, launch: Launch) -> Result<Launched, EngineError> {
        let mut names = self.executions.names(&launch.machine, &launch.name);
        if !launch.express && !launch.fresh_name {
            let known = names.get(&(Arc::clone(&launch.machine), Arc::clone(&launch.name))).copied();
            if let Some(key) =
                known.map_or_else(|| self.archive.key(&launch.machine, &launch.name), |key| Ok(Some(key)))?
            {
                return Ok(Launched::Existing(key));
            }
        }
        let start = Start {
            profile: Profile {
                key: self.next_key.fetch_add(1, Ordering::SeqCst),
                name: launch.name,
                machine: launch.machine,
                revision: launch.revision.record.id,
                version: launch.version,
                alias: launch.alias,
                express: launch.express,
                started: self.now(),
                input: launch.input,
                trace: launch.trace,
                origin: launch.origin,
            },
            seed: Seed::new(rand::random()),
        };
        let (slot, outcome) = self.begin(&start, !launch.durable)?;
        let absorbed;
        let position;
        {
            let mut state = slot.lock();
            // Before the timers are set: one that is due at once must find its execution, and waits for its lock.
            self.executions.insert(&mut names, &slot);
            absorbed = state.absorb(start.profile.key, outcome, start.profile.started, &self.timers)?;
            self.keeper.queue(&slot, &mut state);
            position = if launch.durable {
                let record = encode("record", &Borrowed::Started(&start))?;
                let announcement = self.announces(&start.profile).then(|| Announcement {
                    at: start.profile.started,
                    start: true,
                    standing: state.standing.clone(),
                });
                self.append(&start.profile, &record, announcement)?
            } else {
                // The first record of all has long been on disk: there is nothing to wait for.
                0
            };
            state.position = position + 1;
            if absorbed.ended {
                self.keeper.ending(&slot.profile, position);
            }
        }
        let announced = launch.durable && self.announces(&slot.profile);
        Ok(Launched::New(Step { slot, position, absorbed, announced }))
    }

    /// Makes the execution that a start record describes.
    pub(crate) fn begin(
        &self,
        start: &Start,
        volatile: bool,
    ) -> Result<(Arc<Slot>, toss_asl::Outcome), EngineError> {
        let profile = &start.profile;
        let machine = self.machine_of(profile).ok_or_else(|| EngineError::Unreadable {
            what: "state machine",
            reason: format!("the definition of {} is missing or refused", profile.machine),
        })?;
        let context = self.context_of(profile);
        let (execution, outcome) = Execution::start(machine, profile.input.clone(), context, start.seed);
        Ok((Arc::new(Slot::new(profile.clone(), execution, volatile)), outcome))
    }

    /// Applies a stimulus and appends it to the journal; `None` if it means nothing to the execution.
    pub(crate) fn stimulate(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        stimulus: Stimulus,
    ) -> Result<Option<Step>, EngineError> {
        let profile = &slot.profile;
        let mut state = slot.lock();
        let now = self.now().max(state.now);
        let redrive = matches!(stimulus, Stimulus::Redrive);
        let stimulus_note = Note::of(&stimulus);
        let record = encode("record", &Borrowed::Happened { key: profile.key, now, stimulus: &stimulus })?;
        let Some(execution) = state.live(|| self.machine_of(profile))? else {
            return Ok(None);
        };
        let outcome = execution.apply(stimulus, Timestamp::from_millis(now));
        if !outcome.accepted {
            return Ok(None);
        }
        state.note(&stimulus_note, now);
        let absorbed = state.absorb(profile.key, outcome, now, &self.timers)?;
        self.keeper.queue(slot, &mut state);
        let announce = redrive || absorbed.ended;
        let position = if profile.express {
            if absorbed.ended && !slot.volatile {
                self.journal.append_lazy(&encode("record", &Record::Ended { key: profile.key })?)?;
            }
            // What an Express execution does rests on its start alone.
            state.position.saturating_sub(1)
        } else {
            let announcement = (announce && self.announces(profile)).then(|| Announcement {
                at: now,
                start: false,
                standing: state.standing.clone(),
            });
            let position = self.append(profile, &record, announcement)?;
            state.position = position + 1;
            if absorbed.ended {
                self.keeper.ending(profile, position);
            }
            position
        };
        drop(state);
        let announced = announce && self.announces(profile);
        Ok(Some(Step { slot: Arc::clone(slot), position, absorbed, announced }))
    }

    /// Appends an execution's record; the announcement's place in the outbox is taken with it.
    fn append(
        &self,
        profile: &Profile,
        record: &[u8],
        announcement: Option<Announcement>,
    ) -> Result<u64, EngineError> {
        if let Some(announcement) = announcement {
            return self.outbox.append(profile.key, announcement, || self.journal.append(record));
        }
        let ticket = self.journal.append(record);
        match ticket.position() {
            Some(position) => Ok(position),
            None => Err(ticket.wait().err().map_or(EngineError::Closed, EngineError::from)),
        }
    }

    /// Whether EventBridge is told of the execution: not of Express ones, nor of children of a distributed Map.
    pub(crate) fn announces(&self, profile: &Profile) -> bool {
        !profile.express && !matches!(profile.origin, Origin::Map { .. })
    }

    /// Takes up effects that an earlier run of the engine left open.
    pub(crate) fn resume(self: &Arc<Self>, slot: &Arc<Slot>, effects: Vec<Effect>) {
        let position = slot.lock().position.saturating_sub(1);
        let absorbed = Absorbed { effects, ended: false };
        self.carry_on(Step { slot: Arc::clone(slot), position, absorbed, announced: false });
    }

    /// Carries out what a step asks for, in the background, when it is on disk. Answers the position below which
    /// all must be on disk for that. Comes before any wait of a caller, whose request may be given up there.
    pub(crate) fn carry_on(self: &Arc<Self>, step: Step) -> u64 {
        let position = step.position + 1;
        let core = Arc::clone(self);
        self.runtime.spawn(core.drive(step));
        position
    }

    /// Carries out what a step asks for, and what follows from that.
    pub(crate) fn drive(self: Arc<Self>, mut step: Step) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                if self.journal.durable(step.position).await.is_err() {
                    // The journal told why when it stopped. Nothing may begin on what is not on disk.
                    return;
                }
                if step.announced && !step.absorbed.ended {
                    self.outbox.release(step.slot.profile.key, step.position);
                }
                let Step { slot, position, absorbed, announced } = step;
                let mut waiting: Vec<Effect> = absorbed
                    .effects
                    .into_iter()
                    .filter_map(|effect| self.do_at_once(&slot, effect))
                    .collect();
                if absorbed.ended {
                    self.ended(&slot);
                    if announced {
                        self.outbox.release(slot.profile.key, position);
                    }
                }
                let Some(last) = waiting.pop() else { return };
                for effect in waiting {
                    let core = Arc::clone(&self);
                    let slot = Arc::clone(&slot);
                    self.runtime.spawn(async move {
                        if let Some(step) = core.answer(&slot, effect).await {
                            core.drive(step).await;
                        }
                    });
                }
                match self.answer(&slot, last).await {
                    Some(next) => step = next,
                    None => return,
                }
            }
        })
    }

    /// Carries out an effect that answers with a stimulus, and applies that.
    async fn answer(self: &Arc<Self>, slot: &Arc<Slot>, effect: Effect) -> Option<Step> {
        if self.stopping.load(Ordering::SeqCst) {
            return None;
        }
        let stimulus = tasks::perform(self, slot, effect).await?;
        self.stimulate_or_log(slot, stimulus)
    }

    pub(crate) fn stimulate_or_log(self: &Arc<Self>, slot: &Arc<Slot>, stimulus: Stimulus) -> Option<Step> {
        match self.stimulate(slot, stimulus) {
            Ok(step) => step,
            Err(error) => {
                tracing::error!(%error, execution = slot.profile.key, "an execution cannot go on");
                None
            }
        }
    }

    /// Carries out an effect that needs no wait; hands back one that does.
    fn do_at_once(self: &Arc<Self>, slot: &Arc<Slot>, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::InvokeTask(invocation)
                if invocation.resource.kind() == toss_asl::ResourceKind::Activity =>
            {
                self.activities.offer(slot.profile.key, &invocation);
                None
            }
            Effect::StartChild(child) => {
                tasks::start_child(self, slot, &child);
                None
            }
            Effect::StopChild { run, child } => {
                tasks::stop_child(self, slot, run, child);
                None
            }
            Effect::CancelTask { task } => {
                tasks::cancel(self, slot, task);
                None
            }
            other => Some(other),
        }
    }

    /// The end of an execution is on disk: whoever waits for it is told.
    fn ended(self: &Arc<Self>, slot: &Arc<Slot>) {
        for waiting in std::mem::take(&mut slot.lock().ended) {
            waiting.send(()).ok();
        }
        tasks::tell_parent(self, slot);
        self.keeper.told(&slot.profile);
    }
}
