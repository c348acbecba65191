//! From an author's text to a version that can be started.
//!
//! A version's number is reserved first, in one transaction with its text; then its state machine is created;
//! then the version becomes the newest, with the audit event. Whatever dies in between leaves a number unused,
//! and the same request, sent again under its idempotency key, goes on where the first one stopped.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_delivery::webhook::{Event, EventType, Publisher};
use toss_kernel::{
    TenantScope,
    id::{EventId, WorkflowId},
};
use toss_runtime::{
    ConfigurationError, Platform,
    api::{Caller, Problem},
    derived,
};
use toss_store::{
    Store, StoreError,
    workflows::{SourceFormat, Workflow, WorkflowOwner, WorkflowVersion},
};
use toss_workflow::{Catalogue, CompileTarget, Compiled, Document, Format, check, compile, parse};

use crate::{
    machines::Machines,
    record::{Act, Recorder},
    schema::Schema,
    seed::Seed,
};

/// The most that a version's item may hold of text; an item of DynamoDB holds 400 KiB.
const MOST_TEXT: usize = 350_000;
/// How often a write is tried again that met another one.
const ATTEMPTS: u64 = 20;

/// Makes versions of workflows.
pub(crate) struct Author {
    platform: Platform,
    store: Store,
    machines: Machines,
    recorder: Recorder,
    publisher: Publisher,
}

/// A definition as its author wrote it, without problems.
pub(crate) struct Draft {
    pub(crate) name: String,
    source: String,
    format: SourceFormat,
    document: Document,
}

/// Reads a definition and tells all that is wrong with it.
pub(crate) fn examine(source: &str, format: SourceFormat) -> Result<Document, Vec<Value>> {
    let told = |problems: Vec<toss_workflow::Problem>| -> Vec<Value> {
        problems.into_iter().map(|problem| json!(problem)).collect()
    };
    let language = match format {
        SourceFormat::Json => Format::Json,
        SourceFormat::Yaml => Format::Yaml,
    };
    let document = parse(source, language).map_err(told)?;
    let mut problems = told(check(&document, Catalogue::embedded()));
    if let Some(schema) = document.value().get("input").filter(|schema| schema.is_object())
        && let Err(message) = Schema::prepare(schema)
    {
        let (line, column) = document.locate("/input");
        let message = format!("this is not a JSON Schema that an input can be checked against: {message}");
        problems.push(json!({
            "pointer": "/input", "line": line, "column": column, "code": "bad-input-schema", "message": message,
        }));
    }
    if problems.is_empty() { Ok(document) } else { Err(problems) }
}

/// How a body is written, by its media type or, without one, by its first character.
pub(crate) fn format(media_type: &str, source: &str) -> SourceFormat {
    match media_type {
        "application/json" => SourceFormat::Json,
        "" if source.trim_start().starts_with('{') => SourceFormat::Json,
        _ => SourceFormat::Yaml,
    }
}

/// Lets others finish who write to the same workflow, longer each time.
async fn pause(attempt: u64) {
    tokio::time::sleep(Duration::from_millis(2 * (attempt + 1))).await;
}

impl Draft {
    /// The definition in `source`.
    ///
    /// # Errors
    /// 422 with all its problems.
    pub(crate) fn read(source: String, format: SourceFormat) -> Result<Self, Problem> {
        let refusal = |problems| {
            Problem::invalid(
                "The definition has the problems listed in 'problems'; correct all of them.",
                Value::Array(problems),
            )
        };
        let document = examine(&source, format).map_err(refusal)?;
        let name = document.name().unwrap_or_default().to_owned();
        let schema = document.value().get("input").map_or(0, |schema| schema.to_string().len());
        if source.len() + schema > MOST_TEXT {
            let message = format!(
                "the definition and its input's schema have {} bytes and may have {MOST_TEXT}",
                source.len() + schema
            );
            return Err(refusal(vec![json!({ "pointer": "", "code": "too-large", "message": message })]));
        }
        Ok(Self { name, source, format, document })
    }

    fn compile(&self, target: &CompileTarget) -> Result<Compiled, Problem> {
        compile(&self.document, Catalogue::embedded(), target)
            .map_err(|error| Problem::invalid("The definition does not compile.", json!(error.problems)))
    }
}

impl Author {
    /// The author's desk of a function.
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            machines: Machines::new(platform)?,
            recorder: Recorder::new(platform)?,
            publisher: Publisher::new(platform)?,
        })
    }

    pub(crate) const fn machines(&self) -> &Machines {
        &self.machines
    }

    /// Makes a version of the workflow that the draft names.
    pub(crate) async fn create(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        draft: &Draft,
        seed: Seed,
    ) -> Result<WorkflowVersion, Problem> {
        let (mut version, compiled) = self.reserve(scope, caller, draft, seed).await?;
        if version.state_machine.is_none() {
            let definition = compiled.asl.to_string();
            let machine = self.machines.create(version.workflow, version.version, &definition).await?;
            version.state_machine = Some(machine);
            self.publish(scope, caller, draft, &version).await?;
        }
        self.tell(scope, EventType::WorkflowCreated, &version.name, version.workflow, version.version).await;
        Ok(version)
    }

    /// Tells the tenant's webhooks. The workflow is what it is even when they cannot be told.
    pub(crate) async fn tell(
        &self,
        scope: &TenantScope,
        kind: EventType,
        name: &str,
        workflow: WorkflowId,
        version: u32,
    ) {
        let now = self.platform.clock.now();
        let born = i64::try_from(workflow.ulid().timestamp_ms()).unwrap_or(0);
        let born = Timestamp::from_millisecond(born).unwrap_or(Timestamp::UNIX_EPOCH);
        let id = derived::ulid(born, &[&workflow.to_string(), &version.to_string(), kind.name()]);
        let data = json!({ "id": workflow, "name": name, "version": version });
        let event = Event { id: EventId::from_ulid(id), kind, timestamp: now, data };
        if let Err(error) = self.publisher.publish(scope, &event).await {
            tracing::warn!(%error, %workflow, "webhooks were not told of a workflow");
        }
    }

    /// Takes the next number for the draft, or finds the one that this same request took before.
    async fn reserve(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        draft: &Draft,
        seed: Seed,
    ) -> Result<(WorkflowVersion, Compiled), Problem> {
        for attempt in 0..ATTEMPTS {
            let found = self.store.get::<Workflow>(&Workflow::key_of(scope, &draft.name)).await?;
            if let Some(workflow) = &found {
                if workflow.deleting {
                    return Err(Problem::conflict(
                        "workflow-deleting",
                        "The workflow of this name is being deleted; delete it again, or wait, and repeat.",
                    ));
                }
                if seed.repeatable
                    && let Some(version) = self.taken_before(scope, workflow, seed).await?
                {
                    let compiled = draft.compile(&self.target(&version))?;
                    return Ok((version, compiled));
                }
            }
            let now = self.platform.clock.now();
            let fresh = found.is_none();
            let mut workflow = found.unwrap_or_else(|| Workflow {
                tenant: scope.tenant(),
                id: WorkflowId::from_ulid(seed.ulid("workflow")),
                name: draft.name.clone(),
                title: None,
                latest: 0,
                reserved: 0,
                deleting: false,
                created_at: now,
                updated_at: now,
                revision: 0,
            });
            workflow.reserved += 1;
            let mut version = WorkflowVersion {
                tenant: scope.tenant(),
                workflow: workflow.id,
                name: workflow.name.clone(),
                version: workflow.reserved,
                source: draft.source.clone(),
                format: draft.format,
                input_schema: None,
                states: Vec::new(),
                activities: Vec::new(),
                state_machine: None,
                seed: seed.repeatable.then(|| seed.ulid("version").to_string()),
                created_by: caller.principal.name.clone(),
                created_at: now,
                revision: 0,
            };
            let compiled = draft.compile(&self.target(&version))?;
            version.input_schema.clone_from(&compiled.input_schema);
            version.states.clone_from(&compiled.states);
            version.activities.clone_from(&compiled.activities);
            let transaction = self.store.transaction().create(&version)?;
            let transaction = if fresh {
                let owner = WorkflowOwner { workflow: workflow.id, tenant: workflow.tenant };
                transaction.create(&workflow)?.overwrite(&owner)?
            } else {
                transaction.replace(&workflow)?
            };
            match transaction.commit().await {
                Ok(()) => return Ok((version, compiled)),
                Err(error) if error.is_conflict() || matches!(error, StoreError::Contention) => {
                    pause(attempt).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Contention.into())
    }

    async fn taken_before(
        &self,
        scope: &TenantScope,
        workflow: &Workflow,
        seed: Seed,
    ) -> Result<Option<WorkflowVersion>, Problem> {
        let key = WorkflowVersion::key_of(scope, workflow.id, workflow.reserved);
        let version = self.store.get::<WorkflowVersion>(&key).await?;
        Ok(version.filter(|version| version.seed.as_ref() == Some(&seed.ulid("version").to_string())))
    }

    /// Makes a version the newest that can be started.
    async fn publish(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        draft: &Draft,
        version: &WorkflowVersion,
    ) -> Result<(), Problem> {
        let act = Act {
            action: "workflow.create",
            kind: "workflow",
            id: &version.workflow,
            details: vec![("name", json!(version.name)), ("version", json!(version.version))],
        };
        let event = self.recorder.of(scope, caller, act).await?;
        for attempt in 0..ATTEMPTS {
            let found = self.store.get::<Workflow>(&Workflow::key_of(scope, &version.name)).await?;
            let gone = || {
                Problem::conflict("workflow-deleted", "The workflow was deleted meanwhile; create it again.")
            };
            let mut workflow =
                found.filter(|found| found.id == version.workflow && !found.deleting).ok_or_else(gone)?;
            if version.version > workflow.latest {
                workflow.latest = version.version;
                let title = draft.document.value().get("title").and_then(Value::as_str);
                workflow.title = title.map(str::to_owned);
                workflow.updated_at = version.created_at;
            }
            let transaction =
                self.store.transaction().replace(&workflow)?.replace(version)?.create(&event)?;
            match transaction.commit().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_conflict() || matches!(error, StoreError::Contention) => {
                    pause(attempt).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Contention.into())
    }

    fn target(&self, version: &WorkflowVersion) -> CompileTarget {
        CompileTarget {
            tenant: version.tenant.to_string(),
            workflow_id: version.workflow.to_string(),
            name: version.name.clone(),
            version: version.version.into(),
            function_prefix: self.machines.function_prefix().to_owned(),
        }
    }
}
