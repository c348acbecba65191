//! Reading and changing tasks: each change in one transaction with its audit event.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use toss_audit::{Actor, AuditEvent, Outcome, Target, Trail};
use toss_kernel::{
    Clock, Ids, Principal, TenantScope,
    id::{AuditEventId, TaskId},
};
use toss_runtime::{ConfigurationError, Platform};
use toss_store::{
    Store, StoreError,
    groups::Group,
    tasks::{Resume, Task},
};

use crate::{
    Asker, Ballot, Effect, People, TaskError,
    rules::{self, Voice},
};

/// How often a change that lost a race is made again on what won it.
const ATTEMPTS: u32 = 8;

/// How long whoever recorded a decision has to tell the step, before the timers do.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Tasks and their audit events.
pub struct Desk {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    trail: Trail,
    ids: Arc<dyn Ids>,
}

/// Who asks for a change, for the audit log.
#[derive(Debug, Clone)]
pub struct AuditContext<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// From where.
    pub ip: Option<IpAddr>,
    /// Why it is allowed: the policies that permit it.
    pub reasons: Vec<String>,
}

/// A change that someone asks for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The tenant.
    pub scope: &'a TenantScope,
    /// The task.
    pub task: TaskId,
    /// Who asks, and for whom.
    pub asker: Asker<'a>,
    /// For the audit log.
    pub audit: AuditContext<'a>,
}

/// What is put on record with a change.
pub(crate) struct Entry {
    pub(crate) action: &'static str,
    pub(crate) actor: Actor,
    pub(crate) reasons: Vec<String>,
    pub(crate) details: BTreeMap<String, Value>,
}

impl Entry {
    pub(crate) fn by_platform(task: &Task, part: &str, action: &'static str) -> Self {
        let actor = Actor::platform(task.tenant, part);
        Self { action, actor, reasons: Vec::new(), details: BTreeMap::new() }
    }

    fn by_caller(request: &Request<'_>, voice: &Voice, action: &'static str) -> Self {
        let AuditContext { principal, ip, reasons } = &request.audit;
        let mut actor = Actor::caller(request.scope.tenant(), principal, *ip);
        actor.on_behalf_of = (voice.person != principal.name).then(|| voice.person.clone());
        let mut details = BTreeMap::new();
        if voice.person != voice.voice {
            details.insert("for_assignee".to_owned(), json!(voice.voice));
        }
        Self { action, actor, reasons: reasons.clone(), details }
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        if !value.is_null() {
            self.details.insert(name.to_owned(), value);
        }
        self
    }

    pub(crate) fn event(
        self,
        task: &Task,
        id: AuditEventId,
        time: Timestamp,
    ) -> Result<AuditEvent, TaskError> {
        Ok(AuditEvent {
            id,
            time,
            actor: self.actor,
            action: self.action.parse().map_err(|error| TaskError::Audit(Box::new(error)))?,
            target: Target { kind: "task".into(), id: task.id.to_string() },
            outcome: Outcome::Success,
            reasons: self.reasons,
            details: self.details,
        })
    }
}

/// What a change is: nothing, a change alone, or one that is put on record.
pub(crate) enum Change {
    Nothing,
    Unrecorded,
    Recorded(Box<Entry>),
}

impl Desk {
    /// The desk of a function that may read and write tasks, write audit events, and seal them.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            clock: Arc::clone(&platform.clock),
            trail: Trail::new(platform)?,
            ids: Arc::clone(&platform.ids),
        })
    }

    /// A task.
    ///
    /// # Errors
    /// [`TaskError::NotFound`] when the tenant has no such task.
    pub async fn task(&self, scope: &TenantScope, id: TaskId) -> Result<Task, TaskError> {
        self.store.get::<Task>(&Task::key_of(scope, id)).await?.ok_or(TaskError::NotFound)
    }

    /// Who may decide a task now.
    ///
    /// # Errors
    /// When the groups cannot be read.
    pub async fn people(&self, task: &Task) -> Result<People, TaskError> {
        let scope = task.scope();
        let groups = People::names(task)
            .into_iter()
            .map(async |name| self.store.get::<Group>(&Group::key_of(&scope, name)).await);
        let groups = try_join_all(groups).await?.into_iter().flatten();
        let groups = groups.map(|group| (group.name, group.members)).collect();
        Ok(People::of(task, &groups, self.clock.now()))
    }

    /// Records a decision.
    ///
    /// # Errors
    /// [`TaskError::Refused`] when it cannot count.
    pub async fn decide(
        &self,
        request: &Request<'_>,
        ballot: &Ballot<'_>,
    ) -> Result<(Task, Effect), TaskError> {
        let mut effect = Effect::Repeated;
        let task = self
            .change_with(request.scope, request.task, |task, people, now| {
                let voice = Voice::of(task, people, &request.asker)?;
                effect = rules::decide(task, people, &request.asker, ballot, now)?;
                if effect == Effect::Repeated {
                    return Ok(Change::Nothing);
                }
                if effect == Effect::Closed {
                    let not_before = now.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
                    task.resume = Some(Resume::Pending { attempts: 0, not_before });
                }
                let entry = Entry::by_caller(request, &voice, "task.decide")
                    .with("decision", json!(ballot.verdict))
                    .with("comment", json!(ballot.comment))
                    .with("task_status", json!(task.status));
                Ok(Change::Recorded(Box::new(entry)))
            })
            .await?;
        Ok((task, effect))
    }

    /// Lets someone else decide.
    ///
    /// # Errors
    /// [`TaskError::Refused`] when it may not.
    pub async fn delegate(
        &self,
        request: &Request<'_>,
        to: &str,
        comment: Option<&str>,
    ) -> Result<(Task, Effect), TaskError> {
        let mut effect = Effect::Repeated;
        let task = self
            .change_with(request.scope, request.task, |task, people, now| {
                let voice = Voice::of(task, people, &request.asker)?;
                effect = rules::delegate(task, people, &request.asker, to, comment, now)?;
                if effect == Effect::Repeated {
                    return Ok(Change::Nothing);
                }
                let entry = Entry::by_caller(request, &voice, "task.delegate")
                    .with("to", json!(to))
                    .with("comment", json!(comment));
                Ok(Change::Recorded(Box::new(entry)))
            })
            .await?;
        Ok((task, effect))
    }

    /// Says who looks after a task.
    ///
    /// # Errors
    /// [`TaskError::Refused`] when another does.
    pub async fn claim(&self, request: &Request<'_>) -> Result<(Task, Effect), TaskError> {
        let mut effect = Effect::Repeated;
        let task = self
            .change_with(request.scope, request.task, |task, people, now| {
                let voice = Voice::of(task, people, &request.asker)?;
                effect = rules::claim(task, people, &request.asker, now)?;
                if effect == Effect::Repeated {
                    return Ok(Change::Nothing);
                }
                Ok(Change::Recorded(Box::new(Entry::by_caller(request, &voice, "task.claim"))))
            })
            .await?;
        Ok((task, effect))
    }

    /// Makes a change on the task as it is now; again on what won, when it loses a race.
    pub(crate) async fn change(
        &self,
        scope: &TenantScope,
        id: TaskId,
        mut edit: impl FnMut(&mut Task, Timestamp) -> Result<Change, TaskError> + Send,
    ) -> Result<Task, TaskError> {
        for _ in 0..ATTEMPTS {
            let mut task = self.task(scope, id).await?;
            let now = self.clock.now();
            let change = edit(&mut task, now)?;
            if let Some(task) = self.commit(task, change, now).await? {
                return Ok(task);
            }
        }
        Err(TaskError::Contended)
    }

    /// [`Desk::change`], by the people who may decide the task as it is now.
    async fn change_with(
        &self,
        scope: &TenantScope,
        id: TaskId,
        mut edit: impl FnMut(&mut Task, &People, Timestamp) -> Result<Change, TaskError> + Send,
    ) -> Result<Task, TaskError> {
        for _ in 0..ATTEMPTS {
            let mut task = self.task(scope, id).await?;
            let people = self.people(&task).await?;
            let now = self.clock.now();
            let change = edit(&mut task, &people, now)?;
            if let Some(task) = self.commit(task, change, now).await? {
                return Ok(task);
            }
        }
        Err(TaskError::Contended)
    }

    /// Writes a changed task with its record; nothing when another change came first.
    async fn commit(
        &self,
        mut task: Task,
        change: Change,
        now: Timestamp,
    ) -> Result<Option<Task>, TaskError> {
        let transaction = match change {
            Change::Nothing => return Ok(Some(task)),
            Change::Unrecorded => self.store.transaction().replace(&task)?,
            Change::Recorded(entry) => {
                let event = AuditEventId::new(&*self.ids, &*self.clock);
                let event = entry.event(&task, event, now)?;
                let record = self.prepare(&task.scope(), &event).await?;
                self.store.transaction().replace(&task)?.create(&record)?
            }
        };
        match transaction.commit().await {
            Ok(()) => {
                task.revision += 1;
                Ok(Some(task))
            }
            Err(StoreError::Refused { .. } | StoreError::Contention) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn prepare(
        &self,
        scope: &TenantScope,
        event: &AuditEvent,
    ) -> Result<toss_store::audit::AuditRecord, TaskError> {
        self.trail.prepare(scope, event).await.map_err(|error| TaskError::Audit(Box::new(error)))
    }
}
