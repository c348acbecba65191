//! Executions that start and end: their records follow, and the tenant's webhooks are told.
//!
//! The event names a state machine, which names a workflow, whose owner is the tenant. An event may come twice,
//! late, or after one that happened later: a record goes forward only, the audit event is written in the same
//! transaction, and a webhook's event has an id made from what happened, so that it is delivered once.

use std::sync::Arc;

use aws_sdk_sfn::{Client, error::DisplayErrorContext};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use toss_audit::{Actor, AuditEvent, Outcome, Target, Trail};
use toss_delivery::webhook::{Event, EventType, Publisher};
use toss_kernel::{
    TenantScope,
    id::{AuditEventId, EventId, ExecutionId, WorkflowId},
};
use toss_runtime::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, Grant, InvocationContext, Platform,
    Sizing, Trigger, derived,
    events::BridgeEvent,
    function::sentence,
    grant::{Queue, Table},
    scope::of_platform_record,
};
use toss_store::{
    Store, StoreError,
    audit::AuditRecord,
    executions::{DocumentKind, Execution, ExecutionDocument, ExecutionStatus},
    workflows::WorkflowOwner,
};
use toss_tasks::Desk;

/// How often a write is tried again that met another one.
const ATTEMPTS: usize = 5;
/// The longest output that a webhook's message carries; a receiver fetches a longer one.
const LONGEST_TOLD: usize = 32 * 1024;

/// Its registry line.
pub(crate) const DEFINITION: FunctionDefinition = FunctionDefinition::new("execution-events", build)
    .grants(&[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::Write(Table::Audit),
        Grant::Seal,
        Grant::ReadExecutions,
        Grant::Send(Queue::Webhooks),
    ])
    .triggers(&[Trigger::ExecutionStatus])
    .sizing(Sizing::PATIENT);

struct ExecutionEvents {
    store: Store,
    client: Client,
    trail: Trail,
    publisher: Publisher,
    desk: Desk,
}

fn build(platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
    Ok(Arc::new(ExecutionEvents {
        store: Store::new(platform),
        client: platform.sdk.sfn().clone(),
        trail: Trail::new(platform)?,
        publisher: Publisher::new(platform)?,
        desk: Desk::new(platform)?,
    }))
}

/// The event's detail.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: String,
    state_machine_arn: String,
    name: String,
    status: String,
    #[serde(default)]
    stop_date: Option<i64>,
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    redrive_count: Option<u32>,
}

/// What the event tells of one of our executions.
struct Change {
    execution: ExecutionId,
    arn: String,
    status: ExecutionStatus,
    at: Timestamp,
    output: Option<String>,
    error: Option<String>,
    cause: Option<String>,
    redrives: u32,
}

/// Why an event is to be delivered again.
fn failed(cause: &dyn std::fmt::Display) -> FunctionError {
    FunctionError::new("ExecutionEvents.Failed", cause.to_string())
}

impl Function for ExecutionEvents {
    fn invoke<'a>(
        &'a self,
        event: Value,
        _: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(async move {
            let bad = |error: serde_json::Error| {
                FunctionError::new(
                    "ExecutionEvents.BadEvent",
                    format!("Not an event of an execution: {error}"),
                )
            };
            let event: BridgeEvent = serde_json::from_value(event).map_err(bad)?;
            let detail: Detail = serde_json::from_value(event.detail).map_err(bad)?;
            let Some((workflow, change)) = understood(detail, &event.time) else {
                // Other state machines may live in the same account.
                return Ok(json!({ "handled": false }));
            };
            let handled = self.follow(workflow, change).await?;
            Ok(json!({ "handled": handled }))
        })
    }
}

/// The workflow and what happened, when the execution is one of ours.
fn understood(detail: Detail, time: &str) -> Option<(WorkflowId, Change)> {
    let machine = detail.state_machine_arn.rsplit(':').next()?;
    let (workflow, _) = machine.rsplit_once('-')?;
    let status = match detail.status.as_str() {
        "RUNNING" => ExecutionStatus::Running,
        "SUCCEEDED" => ExecutionStatus::Succeeded,
        "FAILED" => ExecutionStatus::Failed,
        "TIMED_OUT" => ExecutionStatus::TimedOut,
        "ABORTED" => ExecutionStatus::Cancelled,
        // PENDING_REDRIVE: it will run again, and then there is an event.
        _ => return None,
    };
    let stopped =
        detail.stop_date.filter(|_| status.has_ended()).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let change = Change {
        execution: detail.name.parse().ok()?,
        arn: detail.execution_arn,
        status,
        at: stopped.or_else(|| time.parse().ok())?,
        output: detail.output,
        error: detail.error,
        cause: detail.cause.map(sentence),
        redrives: detail.redrive_count.unwrap_or(0),
    };
    Some((workflow.parse().ok()?, change))
}

/// Whether the change is news to the record.
fn is_news(execution: &Execution, change: &Change) -> bool {
    if change.redrives != execution.redrives {
        return change.redrives > execution.redrives;
    }
    if change.status.has_ended() { !execution.status.has_ended() } else { !execution.started }
}

impl ExecutionEvents {
    async fn follow(&self, workflow: WorkflowId, mut change: Change) -> Result<bool, FunctionError> {
        let owner = self.store.get::<WorkflowOwner>(&WorkflowOwner::key_of(workflow)).await;
        let Some(owner) = owner.map_err(|error| failed(&error))? else {
            tracing::warn!(%workflow, execution = %change.execution, "an execution of a workflow without an owner");
            return Ok(false);
        };
        let scope = of_platform_record(owner.tenant);
        if change.status == ExecutionStatus::Succeeded && change.output.is_none() {
            change.output = self.output(&change.arn).await?;
        }
        let Some(execution) = self.write(&scope, &change).await? else {
            tracing::warn!(execution = %change.execution, "an execution without a record");
            return Ok(false);
        };
        // Also for an event that was written before: the one who wrote it may have died before it could tell.
        let told = change.status.has_ended() || change.redrives == 0;
        if execution.status.has_ended() {
            // Nobody is to decide what nothing waits for.
            self.desk.cancel_all(&scope, execution.id).await.map_err(|error| failed(&error))?;
        }
        if told && change.redrives <= execution.redrives {
            self.tell(&scope, &execution, &change).await?;
        }
        Ok(true)
    }

    /// Brings the record forward; answers it as it stands.
    async fn write(&self, scope: &TenantScope, change: &Change) -> Result<Option<Execution>, FunctionError> {
        for _ in 0..ATTEMPTS {
            let found = self.store.get::<Execution>(&Execution::key_of(scope, change.execution)).await;
            let Some(mut execution) = found.map_err(|error| failed(&error))? else { return Ok(None) };
            if !is_news(&execution, change) {
                return Ok(Some(execution));
            }
            execution.started = true;
            execution.status = change.status;
            execution.redrives = change.redrives;
            execution.error.clone_from(&change.error);
            execution.cause.clone_from(&change.cause);
            execution.ended_at = change.status.has_ended().then_some(change.at);
            match self.commit(scope, &execution, change).await {
                Ok(()) => return Ok(Some(execution)),
                Err(error) if error.is_conflict() || matches!(error, StoreError::Contention) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Err(failed(&"the execution's record kept changing; the event is tried again"))
    }

    async fn commit(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.transaction().replace(execution)?;
        if change.status.has_ended() {
            let event = self.audited(scope, execution, change).await?;
            transaction = transaction.create(&event)?;
        }
        if let Some(text) = change.output.clone().filter(|_| change.status == ExecutionStatus::Succeeded) {
            let (tenant, execution) = (execution.tenant, execution.id);
            let output = ExecutionDocument { tenant, execution, document: DocumentKind::Output, text };
            transaction = transaction.overwrite(&output)?;
        }
        transaction.commit().await
    }

    async fn audited(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        change: &Change,
    ) -> Result<AuditRecord, StoreError> {
        let refused = |error: &dyn std::fmt::Display| StoreError::Service(error.to_string());
        let id = change.derived("audit");
        let done = change.status == ExecutionStatus::Succeeded;
        let mut details = std::collections::BTreeMap::from([
            ("status".to_owned(), json!(change.status)),
            ("workflow".to_owned(), json!(execution.workflow)),
            ("version".to_owned(), json!(execution.version)),
        ]);
        if let Some(error) = &change.error {
            details.insert("error".to_owned(), json!(error));
        }
        let event = AuditEvent {
            id: AuditEventId::from_ulid(id),
            time: change.at,
            actor: Actor::platform(scope.tenant(), "execution-events"),
            action: "execution.end".parse().map_err(|error: toss_audit::ActionError| refused(&error))?,
            target: Target { kind: "execution".to_owned(), id: execution.id.to_string() },
            outcome: if done { Outcome::Success } else { Outcome::Failure },
            reasons: Vec::new(),
            details,
        };
        self.trail.prepare(scope, &event).await.map_err(|error| refused(&error))
    }

    /// The output, which a large execution's event leaves out.
    async fn output(&self, arn: &str) -> Result<Option<String>, FunctionError> {
        let answer = self.client.describe_execution().execution_arn(arn).send().await;
        answer.map(|answer| answer.output).map_err(|error| failed(&DisplayErrorContext(error)))
    }

    async fn tell(
        &self,
        scope: &TenantScope,
        execution: &Execution,
        change: &Change,
    ) -> Result<(), FunctionError> {
        let kind = match change.status {
            ExecutionStatus::Running => EventType::ExecutionStarted,
            ExecutionStatus::Succeeded => EventType::ExecutionSucceeded,
            ExecutionStatus::Failed => EventType::ExecutionFailed,
            ExecutionStatus::TimedOut => EventType::ExecutionTimedOut,
            ExecutionStatus::Cancelled => EventType::ExecutionCancelled,
        };
        let event = Event {
            id: EventId::from_ulid(change.derived("webhook")),
            kind,
            timestamp: change.at,
            data: Value::Object(told(execution, change)),
        };
        self.publisher.publish(scope, &event).await.map(drop).map_err(|error| failed(&error))
    }
}

impl Change {
    /// The ULID of what is made once for this change, for `purpose`.
    fn derived(&self, purpose: &str) -> ulid::Ulid {
        let (execution, redrives) = (self.execution.to_string(), self.redrives.to_string());
        derived::ulid(self.at, &[&execution, self.status.name(), &redrives, purpose])
    }
}

/// What a webhook's message says of the execution.
fn told(execution: &Execution, change: &Change) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("id".to_owned(), json!(execution.id));
    data.insert("workflow".to_owned(), json!(execution.workflow));
    data.insert("version".to_owned(), json!(execution.version));
    data.insert("status".to_owned(), json!(change.status));
    for (member, text) in [("name", &execution.name), ("error", &change.error), ("cause", &change.cause)] {
        if let Some(text) = text {
            data.insert(member.to_owned(), json!(text));
        }
    }
    if let Some(output) = change.output.as_ref().filter(|_| change.status == ExecutionStatus::Succeeded) {
        let short =
            (output.len() <= LONGEST_TOLD).then(|| serde_json::from_str::<Value>(output).ok()).flatten();
        match short {
            Some(output) => data.insert("output".to_owned(), output),
            None => data.insert("output_omitted".to_owned(), json!(true)),
        };
    }
    data
}

#[cfg(test)]
mod tests;
