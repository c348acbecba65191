//! Starting executions, so that one that was acknowledged is never lost and none starts twice.
//!
//! An execution is written down before it is started, under an id that is also its name at Step Functions,
//! where a name starts once. Whoever meets one that is written and not known to be started, starts it.

use aws_sdk_sfn::{Client, error::ProvideErrorMetadata as _};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use toss_kernel::{TenantScope, id::ExecutionId};
use toss_runtime::{
    ConfigurationError, Platform,
    api::{Caller, Problem},
};
use toss_store::{
    Store, StoreError,
    audit::AuditRecord,
    executions::{DocumentKind, Execution, ExecutionDocument, ExecutionName, ExecutionStatus},
    workflows::WorkflowVersion,
};

use crate::{
    machines::failed,
    record::{Act, Recorder},
    seed::Seed,
};

/// The most bytes of an input: what a state may hold.
pub(crate) const MOST_INPUT: usize = 262_144;

/// Starts executions.
pub(crate) struct Starter {
    platform: Platform,
    store: Store,
    client: Client,
    recorder: Recorder,
}

/// What is to be started.
pub(crate) struct Start<'a> {
    pub(crate) version: &'a WorkflowVersion,
    pub(crate) state_machine: &'a str,
    pub(crate) input: &'a Value,
    pub(crate) name: Option<&'a str>,
}

/// What became of it.
pub(crate) struct Started {
    pub(crate) execution: Execution,
    /// Whether an earlier request had started it.
    pub(crate) before: bool,
}

impl Starter {
    /// The starter of a function.
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            client: platform.sdk.sfn().clone(),
            recorder: Recorder::new(platform)?,
        })
    }

    /// Starts an execution, or finds the one that has its name.
    pub(crate) async fn start(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        start: Start<'_>,
        seed: Seed,
    ) -> Result<Started, Problem> {
        let text = start.input.to_string();
        if text.len() > MOST_INPUT {
            let message = format!(
                "the input has {} bytes and may have {MOST_INPUT}; pass a reference to what is larger",
                text.len()
            );
            let problem = json!([{ "pointer": "/input", "code": "too-large", "message": message }]);
            return Err(Problem::invalid("The input is too large.", problem));
        }
        let execution = self.planned(scope, caller, &start, &text, seed);
        if let Some(found) = self.of_name(scope, &execution).await? {
            return self.found(scope, found, &execution).await;
        }
        let act = Act {
            action: "execution.start",
            kind: "execution",
            id: &execution.id,
            details: vec![("workflow", json!(execution.workflow)), ("version", json!(execution.version))],
        };
        let event = self.recorder.of(scope, caller, act).await?;
        match self.write_down(&execution, text.clone(), &event).await {
            Ok(()) => {
                let execution = self.begin(execution, text).await?;
                Ok(Started { execution, before: false })
            }
            Err(error) if error.is_conflict() => {
                // The name was taken a moment ago, or this same request was carried out before.
                let found = match self.of_name(scope, &execution).await? {
                    Some(found) => Some(found),
                    None => self.store.get(&Execution::key_of(scope, execution.id)).await?,
                };
                self.found(scope, found.ok_or(StoreError::Contention)?, &execution).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Starts an execution that was written down and may not have been started.
    pub(crate) async fn ensure(
        &self,
        scope: &TenantScope,
        execution: Execution,
    ) -> Result<Execution, Problem> {
        if execution.started {
            return Ok(execution);
        }
        let key = ExecutionDocument::key_of(scope, execution.id, DocumentKind::Input);
        let input = self.store.get::<ExecutionDocument>(&key).await?.ok_or(StoreError::Contention)?;
        self.begin(execution, input.text).await
    }

    fn planned(
        &self,
        scope: &TenantScope,
        caller: &Caller,
        start: &Start<'_>,
        text: &str,
        seed: Seed,
    ) -> Execution {
        let version = start.version;
        Execution {
            tenant: scope.tenant(),
            id: ExecutionId::from_ulid(seed.ulid("execution")),
            workflow_id: version.workflow,
            workflow: version.name.clone(),
            version: version.version,
            state_machine: start.state_machine.to_owned(),
            name: start.name.map(str::to_owned),
            input_digest: digest(&SHA256, text.as_bytes())
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            status: ExecutionStatus::Running,
            started: false,
            redrives: 0,
            error: None,
            cause: None,
            started_by: caller.principal.name.clone(),
            created_at: self.platform.clock.now(),
            ended_at: None,
            revision: 0,
        }
    }

    async fn of_name(&self, scope: &TenantScope, planned: &Execution) -> Result<Option<Execution>, Problem> {
        let Some(name) = &planned.name else { return Ok(None) };
        let key = ExecutionName::key_of(scope, planned.workflow_id, name);
        let Some(taken) = self.store.get::<ExecutionName>(&key).await? else { return Ok(None) };
        Ok(self.store.get(&Execution::key_of(scope, taken.execution)).await?)
    }

    /// The same start again is the same execution; another input under its name is refused.
    async fn found(
        &self,
        scope: &TenantScope,
        found: Execution,
        planned: &Execution,
    ) -> Result<Started, Problem> {
        if found.input_digest != planned.input_digest || found.workflow_id != planned.workflow_id {
            return Err(Problem::conflict(
                "execution-name-taken",
                "An execution of this name was started with another input; use another name.",
            )
            .with_member("execution_id", json!(found.id)));
        }
        Ok(Started { execution: self.ensure(scope, found).await?, before: true })
    }

    async fn write_down(
        &self,
        execution: &Execution,
        text: String,
        event: &AuditRecord,
    ) -> Result<(), StoreError> {
        let (tenant, id) = (execution.tenant, execution.id);
        let input = ExecutionDocument { tenant, execution: id, document: DocumentKind::Input, text };
        let mut transaction = self.store.transaction().create(execution)?.create(&input)?.create(event)?;
        if let Some(name) = execution.name.clone() {
            let workflow = execution.workflow_id;
            transaction = transaction.create(&ExecutionName { tenant, workflow, name, execution: id })?;
        }
        transaction.commit().await
    }

    async fn begin(&self, mut execution: Execution, input: String) -> Result<Execution, Problem> {
        let outcome = self
            .client
            .start_execution()
            .state_machine_arn(&execution.state_machine)
            .name(execution.id.to_string())
            .input(input)
            .send()
            .await;
        if let Err(error) = outcome {
            match error.code() {
                // Started by a request before, and ended meanwhile.
                Some("ExecutionAlreadyExists") => {}
                Some("StateMachineDoesNotExist" | "StateMachineDeleting") => {
                    execution.status = ExecutionStatus::Failed;
                    execution.error = Some("Workflow.Deleted".to_owned());
                    execution.cause =
                        Some("The workflow was deleted before the execution started.".to_owned());
                    execution.ended_at = Some(self.platform.clock.now());
                }
                _ => return Err(failed("start an execution", error)),
            }
        }
        execution.started = true;
        match self.store.replace(&mut execution).await {
            // An event about it, or another request that started it, was quicker.
            Ok(()) | Err(StoreError::Conflict) => Ok(execution),
            Err(error) => Err(error.into()),
        }
    }
}
