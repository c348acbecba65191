//! The engine's inside: what all its parts share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, AtomicU64},
};

use tokio::{runtime::Handle, sync::Notify};
use toss_asl::{ExecutionContext, Machine, MapChild, Timestamp};
use toss_kernel::Clock;
use toss_local_journal::Journal;

use crate::{
    AwsCaller, EngineError, StatusListener, TaskInvoker,
    activities::ActivityQueues,
    archive::Reader,
    catalogue::Catalogue,
    executions::{Executions, Slot, Timers},
    keeper::Keeper,
    names::Names,
    outbox::Outbox,
    record::{Origin, Profile},
    tasks::Nested,
};

/// All that is shared.
pub(crate) struct Core {
    pub(crate) names: Names,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) archive: Reader,
    pub(crate) executions: Executions,
    pub(crate) timers: Timers,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) outbox: Outbox,
    pub(crate) activities: ActivityQueues,
    pub(crate) nested: Nested,
    pub(crate) invoker: Arc<dyn TaskInvoker>,
    pub(crate) caller: Arc<dyn AwsCaller>,
    pub(crate) listener: Arc<dyn StatusListener>,
    pub(crate) runtime: Handle,
    pub(crate) next_key: AtomicU64,
    /// Set while the engine stops: no call is begun any more.
    pub(crate) stopping: AtomicBool,
    pub(crate) stopped: Notify,
    catalogue: RwLock<Catalogue>,
}

/// The parts that [`Core`] is made of.
pub(crate) struct Parts {
    pub(crate) names: Names,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
    pub(crate) archive: Reader,
    pub(crate) invoker: Arc<dyn TaskInvoker>,
    pub(crate) caller: Arc<dyn AwsCaller>,
    pub(crate) listener: Arc<dyn StatusListener>,
    pub(crate) catalogue: Catalogue,
    pub(crate) next_key: u64,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            names: parts.names,
            clock: parts.clock,
            journal: parts.journal,
            archive: parts.archive,
            executions: Executions::new(),
            timers: Timers::default(),
            keeper: Arc::default(),
            outbox: Outbox::default(),
            activities: ActivityQueues::default(),
            nested: Nested::default(),
            invoker: parts.invoker,
            caller: parts.caller,
            listener: parts.listener,
            runtime: Handle::current(),
            next_key: AtomicU64::new(parts.next_key),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
            catalogue: RwLock::new(parts.catalogue),
        }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    pub(crate) fn catalogue(&self) -> RwLockReadGuard<'_, Catalogue> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn catalogue_mut(&self) -> RwLockWriteGuard<'_, Catalogue> {
        self.catalogue.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until all records below this position are on disk.
    pub(crate) fn wait_durable(&self, position: u64) -> Result<(), EngineError> {
        if let Some(last) = position.checked_sub(1) {
            self.journal.durable(last).wait()?;
        }
        Ok(())
    }

    /// Waits until all records below this position are on disk.
    pub(crate) async fn durable(&self, position: u64) -> Result<(), EngineError> {
        if let Some(last) = position.checked_sub(1) {
            self.journal.durable(last).await?;
        }
        Ok(())
    }

    /// The compiled machine that an execution runs.
    pub(crate) fn machine_of(&self, profile: &Profile) -> Option<Machine> {
        let revision = self.catalogue().revisions.get(&profile.revision).cloned()?;
        let machine = revision.machine()?;
        match &profile.origin {
            Origin::Map { processor, .. } => machine.processor(*processor),
            Origin::Call | Origin::Task { .. } => Some(machine),
        }
    }

    /// What an execution knows of itself.
    pub(crate) fn context_of(&self, profile: &Profile) -> ExecutionContext {
        let role = self.role_of(profile);
        let (machine_name, label) = match profile.machine.split_once('/') {
            Some((name, label)) => (name, Some(label)),
            None => (&*profile.machine, None),
        };
        let machine_arn = self.names.machine(&profile.machine);
        let child = match (&profile.origin, label) {
            (Origin::Map { map_run, .. }, Some(_)) => {
                Some(Box::new(MapChild { map_run_arn: Arc::clone(map_run) }))
            }
            _ => None,
        };
        ExecutionContext {
            arn: self.arn_of(profile).into(),
            name: Arc::clone(&profile.name),
            role,
            start_time: Timestamp::from_millis(profile.started),
            state_machine_arn: machine_arn.into(),
            state_machine_name: machine_name.into(),
            express: profile.express,
            key: profile.key,
            child,
        }
    }

    pub(crate) fn role_of(&self, profile: &Profile) -> Arc<str> {
        let catalogue = self.catalogue();
        catalogue
            .revisions
            .get(&profile.revision)
            .map_or_else(|| "".into(), |found| Arc::clone(&found.record.role))
    }

    pub(crate) fn arn_of(&self, profile: &Profile) -> String {
        if profile.express {
            let id = format!("{:016x}", profile.key);
            self.names.express(&profile.machine, &profile.name, &id)
        } else {
            self.names.execution(&profile.machine, &profile.name)
        }
    }

    /// The open execution with this key, brought into memory if it rests in the archive.
    pub(crate) fn open_slot(&self, key: u64) -> Result<Option<Arc<Slot>>, EngineError> {
        Ok(self.slot(key)?.filter(|slot| {
            let state = slot.lock();
            state.standing.status == toss_asl::Status::Running
        }))
    }

    /// The execution with this key, brought into memory if it is in the archive.
    pub(crate) fn slot(&self, key: u64) -> Result<Option<Arc<Slot>>, EngineError> {
        if let Some(slot) = self.executions.shard(key).get(&key) {
            return Ok(Some(Arc::clone(slot)));
        }
        let Some(stored) = self.archive.execution(key)? else {
            return Ok(None);
        };
        let machine = Arc::clone(&stored.profile.machine);
        let name = Arc::clone(&stored.profile.name);
        // Two may load at once, and one of them may even have written and evicted it meanwhile: what counts
        // is read again with the locks held.
        let mut names = self.executions.names(&machine, &name);
        if let Some(slot) = self.executions.shard(key).get(&key) {
            return Ok(Some(Arc::clone(slot)));
        }
        let Some(stored) = self.archive.execution(key)? else {
            return Ok(None);
        };
        let slot = Arc::new(Slot::stored(stored));
        self.executions.insert(&mut names, &slot);
        drop(names);
        // On the keeper's list it will be evicted when nobody uses it any more.
        self.keeper.queue(&slot, &mut slot.lock());
        Ok(Some(slot))
    }

    /// The key of the execution of this name.
    pub(crate) fn key_of(&self, machine: &str, name: &str) -> Result<Option<u64>, EngineError> {
        let names = self.executions.names(machine, name);
        if let Some(key) = names.get(&(machine.into(), name.into())) {
            return Ok(Some(*key));
        }
        self.archive.key(machine, name)
    }
}

/// Locks, whatever happened to an earlier holder: what is guarded is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
