//! One execution in memory.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;
use toss_asl::{
    Effect, Execution, Failure, Machine, MapRunStart, Outcome, Snapshot, Status, Stimulus, TimerId,
};

use crate::{
    EngineError,
    archive::Stored,
    codec::{decode, encode},
    record::{MapRun, Profile, Standing},
};

use super::{Fresh, Timers};

/// An execution and its lock. No lock is held across a wait.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) profile: Arc<Profile>,
    /// A crash may forget it: its caller waits and would see the crash.
    pub(crate) volatile: bool,
    state: Mutex<State>,
}

/// What changes about an execution.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) standing: Standing,
    execution: Form,
    /// Events that the archive does not have yet.
    pub(crate) fresh: Fresh,
    /// Records of the journal below this position are reflected here.
    pub(crate) position: u64,
    /// The position that the archive reflects.
    pub(crate) archived: Option<u64>,
    /// The moment of the last stimulus: time never goes back within an execution.
    pub(crate) now: i64,
    pub(crate) timers: Vec<(TimerId, i64)>,
    /// Whether the keeper has the slot on its list.
    pub(crate) queued: bool,
    pub(crate) touched: Instant,
    /// Who waits for the end.
    pub(crate) ended: Vec<oneshot::Sender<()>>,
}

/// An execution, ready to go on or as it was stored.
#[derive(Debug)]
enum Form {
    Live(Box<Execution>),
    Stored(Vec<u8>),
    /// It succeeded: nothing can make it go on.
    Over,
}

/// What a stimulus means to the books.
#[derive(Debug)]
pub(crate) enum Note {
    Redriven,
    Child { run: u32, succeeded: bool },
    Limits { run: u32, max_concurrency: Option<u64>, count: Option<u64>, percentage: Option<f64> },
    Fired(TimerId),
    Nothing,
}

impl Note {
    pub(crate) fn of(stimulus: &Stimulus) -> Self {
        match stimulus {
            Stimulus::Redrive => Self::Redriven,
            Stimulus::ChildSucceeded { run, .. } => Self::Child { run: run.0, succeeded: true },
            Stimulus::ChildFailed { run, .. } => Self::Child { run: run.0, succeeded: false },
            Stimulus::UpdateMapRun {
                run,
                max_concurrency,
                tolerated_failure_count,
                tolerated_failure_percentage,
            } => Self::Limits {
                run: run.0,
                max_concurrency: *max_concurrency,
                count: *tolerated_failure_count,
                percentage: *tolerated_failure_percentage,
            },
            Stimulus::TimerFired { timer } => Self::Fired(*timer),
            _ => Self::Nothing,
        }
    }
}

/// What is left to do of an outcome when its bookkeeping is done.
#[derive(Debug, Default)]
pub(crate) struct Absorbed {
    /// Effects that have to wait until the stimulus is on disk.
    pub(crate) effects: Vec<Effect>,
    /// Whether the execution ended.
    pub(crate) ended: bool,
}

impl Slot {
    /// A new execution.
    pub(crate) fn new(profile: Profile, execution: Execution, volatile: bool) -> Self {
        let now = profile.started;
        Self {
            profile: Arc::new(profile),
            volatile,
            state: Mutex::new(State {
                standing: Standing::running(),
                execution: Form::Live(Box::new(execution)),
                fresh: Fresh::default(),
                position: 0,
                archived: None,
                now,
                timers: Vec::new(),
                queued: false,
                touched: Instant::now(),
                ended: Vec::new(),
            }),
        }
    }

    /// An execution from the archive.
    pub(crate) fn stored(stored: Stored) -> Self {
        let now = stored.profile.started;
        let timers = stored.timers.into_iter().map(|(timer, at)| (TimerId(timer), at)).collect();
        Self {
            profile: stored.profile,
            volatile: false,
            state: Mutex::new(State {
                standing: stored.standing,
                execution: stored.snapshot.map_or(Form::Over, Form::Stored),
                fresh: Fresh::default(),
                position: stored.position,
                archived: Some(stored.position),
                now,
                timers,
                queued: false,
                touched: Instant::now(),
                ended: Vec::new(),
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The execution, restored if it was stored; `None` if it can never go on.
    pub(crate) fn live(
        &mut self,
        machine: impl FnOnce() -> Option<Machine>,
    ) -> Result<Option<&mut Execution>, EngineError> {
        if let Form::Stored(bytes) = &self.execution {
            let snapshot: Snapshot = decode("snapshot", bytes)?;
            let machine = machine().ok_or_else(|| EngineError::Unreadable {
                what: "state machine",
                reason: "its definition is missing or refused".into(),
            })?;
            self.execution = Form::Live(Box::new(Execution::restore(machine, snapshot)));
        }
        match &mut self.execution {
            Form::Live(execution) => Ok(Some(execution)),
            Form::Stored(_) | Form::Over => Ok(None),
        }
    }

    /// The stored form, where there is something that could go on.
    pub(crate) fn snapshot(&self) -> Result<Option<Vec<u8>>, EngineError> {
        match &self.execution {
            Form::Live(execution) if self.standing.status != Status::Succeeded => {
                encode("snapshot", execution.snapshot()).map(Some)
            }
            Form::Stored(bytes) => Ok(Some(bytes.clone())),
            Form::Live(_) | Form::Over => Ok(None),
        }
    }

    /// Whether a restart would have something to do at once: calls without an answer.
    pub(crate) fn is_busy(&self) -> bool {
        match &self.execution {
            Form::Live(execution) if self.standing.status == Status::Running => execution
                .open_effects()
                .iter()
                .any(|effect| !matches!(effect, Effect::SetTimer { .. } | Effect::StartMapRun(_))),
            _ => false,
        }
    }

    /// Takes in what followed from a stimulus at `now`.
    pub(crate) fn absorb(
        &mut self,
        key: u64,
        outcome: Outcome,
        now: i64,
        timers: &Timers,
    ) -> Result<Absorbed, EngineError> {
        self.now = now;
        self.touched = Instant::now();
        if let Some(last) = outcome.events.last() {
            self.standing.last_event = last.id;
        }
        self.fresh.extend(&outcome.events)?;
        let mut absorbed = Absorbed::default();
        for effect in outcome.effects {
            match effect {
                Effect::SetTimer { timer, at } => self.set_timer(key, timer, at.as_millis(), timers),
                Effect::CancelTimer { timer } => self.cancel_timer(key, timer, timers),
                Effect::StartMapRun(start) => self.start_map_run(&start, now),
                Effect::EndMapRun { run, status } => {
                    if let Some(found) = self.map_run(run.0) {
                        found.status = status;
                        found.stopped = Some(now);
                    }
                }
                Effect::Complete(completion) => {
                    self.standing.status = completion.status;
                    self.standing.output = completion.output;
                    self.standing.failure = completion.failure;
                    self.standing.stopped = Some(now);
                    for (timer, at) in std::mem::take(&mut self.timers) {
                        timers.cancel(key, timer, at);
                    }
                    if completion.status == Status::Succeeded {
                        self.execution = Form::Over;
                    }
                    absorbed.ended = true;
                }
                other => absorbed.effects.push(other),
            }
        }
        Ok(absorbed)
    }

    /// Keeps the books that the interpreter does not: redrives, and the counts of map runs.
    pub(crate) fn note(&mut self, note: &Note, now: i64) {
        match note {
            Note::Redriven => {
                self.standing.status = Status::Running;
                self.standing.stopped = None;
                self.standing.failure = Failure::default();
                self.standing.redrives += 1;
                self.standing.redriven = Some(now);
            }
            Note::Child { run, succeeded } => {
                if let Some(found) = self.map_run(*run) {
                    if *succeeded {
                        found.succeeded += 1;
                    } else {
                        found.failed += 1;
                    }
                }
            }
            Note::Limits { run, max_concurrency, count, percentage } => {
                if let Some(found) = self.map_run(*run) {
                    found.max_concurrency = max_concurrency.unwrap_or(found.max_concurrency);
                    found.tolerated_count = count.unwrap_or(found.tolerated_count);
                    found.tolerated_percentage = percentage.unwrap_or(found.tolerated_percentage);
                }
            }
            Note::Fired(timer) => self.timer_fired(*timer),
            Note::Nothing => {}
        }
    }

    pub(crate) fn map_run(&mut self, run: u32) -> Option<&mut MapRun> {
        self.standing.map_runs.iter_mut().find(|found| found.run == run)
    }

    fn start_map_run(&mut self, start: &MapRunStart, now: i64) {
        // With a reader it is told twice: before the items are read, and when they are.
        let known = self.map_run(start.run.0).map(|run| run.started);
        self.standing.map_runs.retain(|run| run.run != start.run.0);
        self.standing.map_runs.push(MapRun {
            run: start.run.0,
            arn: Arc::clone(&start.arn),
            label: Arc::clone(&start.label),
            status: Status::Running,
            started: known.unwrap_or(now),
            stopped: None,
            items: start.items,
            children: start.children,
            max_concurrency: start.max_concurrency,
            tolerated_count: start.tolerated_failure_count,
            tolerated_percentage: start.tolerated_failure_percentage,
            begun: 0,
            succeeded: 0,
            failed: 0,
            aborted: 0,
        });
    }

    fn set_timer(&mut self, key: u64, timer: TimerId, at: i64, timers: &Timers) {
        self.cancel_timer(key, timer, timers);
        self.timers.push((timer, at));
        timers.set(key, timer, at);
    }

    fn cancel_timer(&mut self, key: u64, timer: TimerId, timers: &Timers) {
        if let Some(index) = self.timers.iter().position(|(set, _)| *set == timer) {
            let (_, at) = self.timers.swap_remove(index);
            timers.cancel(key, timer, at);
        }
    }

    /// A timer was taken from the set because its moment came.
    fn timer_fired(&mut self, timer: TimerId) {
        self.timers.retain(|(set, _)| *set != timer);
    }
}
