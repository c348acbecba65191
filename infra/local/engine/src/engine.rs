//! The engine's handle: opening, serving, draining.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use toss_asl::Stimulus;
use toss_kernel::{Clock, SystemClock};
use toss_local_journal::Journal;
use toss_local_protocol::ServiceError;

use crate::{
    AwsCaller, EngineError, StatusListener, TaskInvoker, api,
    archive::{Reader, Writer},
    core::{Core, Parts},
    keeper::Keeper,
    names::Names,
    outbox, recovery,
};

/// How an engine is set up.
pub struct Options {
    /// The folder that holds everything.
    pub dir: PathBuf,
    /// The region in ARNs.
    pub region: String,
    /// The account id in ARNs.
    pub account: String,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How large the journal may grow before it is compacted, in bytes.
    pub journal_limit: u64,
}

impl Options {
    /// The usual set-up in this folder.
    pub fn new(dir: impl Into<PathBuf>, region: impl Into<String>, account: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            region: region.into(),
            account: account.into(),
            clock: Arc::new(SystemClock),
            journal_limit: 64 << 20,
        }
    }
}

/// The engine. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

impl Engine {
    /// Opens the engine in its folder, and takes up what an earlier run left open: calls whose answers were
    /// not on disk are made again, and timers whose moment has passed fire at once.
    ///
    /// Must be called in a Tokio runtime, which carries the engine's work.
    pub fn open(
        options: Options,
        invoker: Arc<dyn TaskInvoker>,
        caller: Arc<dyn AwsCaller>,
        listener: Arc<dyn StatusListener>,
    ) -> Result<Self, EngineError> {
        let folder = &options.dir;
        std::fs::create_dir_all(folder)
            .map_err(|source| EngineError::Folder { path: folder.clone(), source })?;
        // The journal comes first, as its lock guards the archive too.
        let (journal, recovered) =
            Journal::open(&folder.join("journal"), toss_local_journal::Options::default())?;
        let path = folder.join("executions.db");
        drop(Writer::open(&path)?);
        let archive = Reader::open(&path)?;
        let next_key = archive.counter("next_key")?.unwrap_or(1).max(archive.last_key()? + 1);
        let catalogue = recovery::stored_catalogue(&archive)?;
        let core = Arc::new(Core::new(Parts {
            names: Names { region: options.region, account: options.account },
            clock: options.clock,
            journal,
            archive,
            invoker,
            caller,
            listener,
            catalogue,
            next_key,
        }));
        recovery::replay(&core, recovered, folder)?;
        recovery::wake_archived(&core)?;
        Keeper::start(&core, &path, options.journal_limit)?;
        recovery::take_up(&core)?;
        core.runtime.spawn(fire_timers(Arc::clone(&core)));
        outbox::deliver(&core);
        Ok(Self { core })
    }

    /// Stops: no call is begun any more, everything is written to the archive, and the journal is emptied, so
    /// that the next start has nothing to replay. Executions go on at that start.
    pub async fn drain(&self) {
        let core = Arc::clone(&self.core);
        core.stopping.store(true, Ordering::SeqCst);
        core.stopped.notify_waiters();
        // Joining the archive's thread blocks.
        let drained = tokio::task::spawn_blocking(move || core.keeper.stop()).await;
        if drained.is_err() {
            tracing::error!("the engine could not be drained");
        }
    }

    /// Writes everything to the archive and empties the journal, while executions go on.
    pub async fn compact(&self) {
        let core = Arc::clone(&self.core);
        // An error means that the runtime ends, and the engine with it.
        tokio::task::spawn_blocking(move || core.keeper.compact()).await.ok();
    }

    /// Waits until the execution with this ARN has ended and its end is on disk.
    pub async fn ended(&self, execution: &str) -> Result<(), ServiceError> {
        api::ended(&self.core, execution).await
    }

    /// How many executions are in memory: those at work, and those that the archive does not have yet.
    pub fn in_memory(&self) -> usize {
        self.core.executions.count()
    }
}

/// Fires timers when their moment comes.
async fn fire_timers(core: Arc<Core>) {
    const AT_ONCE: usize = 512;
    loop {
        if core.stopping.load(Ordering::SeqCst) {
            return;
        }
        let now = core.now();
        let due = core.timers.take_due(now, AT_ONCE);
        if !due.is_empty() {
            for (key, timer) in due {
                let step = match core.open_slot(key) {
                    Ok(Some(slot)) => core.stimulate_or_log(&slot, Stimulus::TimerFired { timer }),
                    Ok(None) => None,
                    Err(error) => {
                        tracing::error!(%error, execution = key, "a timer could not be fired");
                        None
                    }
                };
                if let Some(step) = step {
                    core.carry_on(step);
                }
            }
            tokio::task::yield_now().await;
            continue;
        }
        // The clock may be set while this sleeps, so it never sleeps long.
        let wait = core.timers.next().map_or(1000, |next| (next - now).clamp(0, 1000));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait as u64)) => {}
            () = core.timers.earlier.notified() => {}
            () = core.stopped.notified() => {}
        }
    }
}
