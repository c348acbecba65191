//! Executions: read, follow, stop, take up again.

mod history;
mod live;
mod steps;

use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_kernel::id::{ExecutionId, WorkflowId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::Table,
};
use toss_store::{
    Store, StoreError,
    executions::{DocumentKind, Execution, ExecutionDocument, ExecutionStatus},
    workflows::WorkflowVersion,
};

use self::{history::EventView, live::Live, steps::StepView};
use crate::{
    checks::Checks,
    listing::{Limit, Listing, PageQuery, page},
    record::{Act, Recorder},
    starting::Starter,
};

/// The endpoint.
pub(crate) struct Executions {
    store: Store,
    starter: Starter,
    recorder: Recorder,
    live: Live,
}

/// How often a write is tried again that met another one.
const ATTEMPTS: usize = 5;
/// How many pages of a list are read to fill one of a list with two filters.
const ROUNDS: usize = 10;

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only executions that stand so.
    #[serde(default)]
    status: Option<ExecutionStatus>,
    /// Only executions of this workflow.
    #[serde(default)]
    workflow: Option<String>,
    /// How many items at most.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

/// An execution that was started.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct StartedView {
    id: ExecutionId,
    status: ExecutionStatus,
    workflow: String,
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    created_at: Timestamp,
}

impl From<Execution> for StartedView {
    fn from(execution: Execution) -> Self {
        Self {
            id: execution.id,
            status: execution.status,
            workflow: execution.workflow,
            version: execution.version,
            name: execution.name,
            created_at: execution.created_at,
        }
    }
}

/// An execution in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct ExecutionView {
    id: ExecutionId,
    status: ExecutionStatus,
    workflow: String,
    workflow_id: WorkflowId,
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The error it failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The error's cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    started_by: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// How often it was taken up again.
    redrives: u32,
}

impl From<Execution> for ExecutionView {
    fn from(execution: Execution) -> Self {
        Self {
            id: execution.id,
            status: execution.status,
            workflow: execution.workflow,
            workflow_id: execution.workflow_id,
            version: execution.version,
            name: execution.name,
            error: execution.error,
            cause: execution.cause,
            started_by: execution.started_by,
            created_at: execution.created_at,
            ended_at: execution.ended_at,
            redrives: execution.redrives,
        }
    }
}

/// An execution with all there is to know of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct WholeView {
    #[serde(flatten)]
    execution: ExecutionView,
    /// What it was started with.
    input: Value,
    /// What it answered; null before it succeeded.
    output: Value,
    /// The steps it has entered, in order.
    steps: Vec<StepView>,
}

impl Resource for Executions {
    const HANDLER: &'static str = "executions";
    const SUMMARY: &'static str = "Runs of workflows.";
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::StartExecutions,
        Grant::ReadExecutions,
        Grant::ControlExecutions,
    ];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            starter: Starter::new(platform)?,
            recorder: Recorder::new(platform)?,
            live: Live::new(platform),
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let read = Access::Action("executions:read");
        vec![
            Route::new(Method::GET, "/v1/executions", read, 200, "All executions, newest first", Self::list),
            Route::new(Method::GET, "/v1/executions/{id}", read, 200, "One execution", Self::read),
            Route::new(
                Method::GET,
                "/v1/executions/{id}/history",
                read,
                200,
                "What happened in an execution, in order",
                Self::history,
            ),
            Route::new(
                Method::POST,
                "/v1/executions/{id}/cancel",
                Access::Action("executions:cancel"),
                202,
                "Stop an execution",
                Self::cancel,
            ),
            Route::new(
                Method::POST,
                "/v1/executions/{id}/redrive",
                Access::Action("executions:redrive"),
                202,
                "Take an execution up again where it failed",
                Self::redrive,
            ),
        ]
    }
}

impl Executions {
    async fn list(
        self: Arc<Self>,
        request: Request<(), ListQuery>,
    ) -> Result<Reply<Listing<ExecutionView>>, Problem> {
        let (scope, query) = (request.scope()?, &request.query);
        let range = match (&query.workflow, query.status) {
            (Some(workflow), _) => Execution::of_workflow(scope, workflow),
            (None, Some(status)) => Execution::of_status(scope, status),
            (None, None) => Execution::all(scope),
        };
        let wanted = |execution: &Execution| query.status.is_none_or(|status| execution.status == status);
        let limit = query.limit.get();
        let range = page(range, query.limit, query.cursor.as_deref())?;
        let mut found = self.store.list::<Execution>(range.clone()).await?;
        found.items.retain(wanted);
        for _ in 1..ROUNDS {
            let missing = limit.saturating_sub(u32::try_from(found.items.len()).unwrap_or(limit));
            if missing == 0 || found.next.is_none() {
                break;
            }
            let more = range.clone().limit(missing).after(found.next.take());
            let more = self.store.list::<Execution>(more).await?;
            found.items.extend(more.items.into_iter().filter(wanted));
            found.next = more.next;
        }
        Ok(Reply::ok(Listing::of(found, ExecutionView::from)))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<WholeView>, Problem> {
        let scope = request.scope()?;
        let execution = self.started(&request).await?;
        let document = |kind| ExecutionDocument::key_of(scope, execution.id, kind);
        let (input, output) = (document(DocumentKind::Input), document(DocumentKind::Output));
        let version = WorkflowVersion::key_of(scope, execution.workflow_id, execution.version);
        let (input, output, version, events, live) = tokio::try_join!(
            self.document(&input),
            self.document(&output),
            async { self.store.get::<WorkflowVersion>(&version).await.map_err(Problem::from) },
            self.live.outline(&execution),
            self.live.state(&execution),
        )?;
        let (mut execution, mut output) = (execution, output);
        if let Some(live) = live {
            execution.status = live.status;
            execution.error = live.error;
            execution.cause = live.cause;
            execution.ended_at = live.ended_at;
            output = live.output;
        }
        let states = version.map(|version| version.states).unwrap_or_default();
        let steps = steps::of(&events, &states, execution.status);
        let output = output.filter(|_| execution.status == ExecutionStatus::Succeeded);
        Ok(Reply::ok(WholeView {
            execution: execution.into(),
            input: input.unwrap_or_default(),
            output: output.unwrap_or_default(),
            steps,
        }))
    }

    async fn history(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<EventView>>, Problem> {
        let execution = self.started(&request).await?;
        let (events, next_cursor) =
            self.live.page(&execution, request.query.limit, request.query.cursor.as_deref()).await?;
        Ok(Reply::ok(Listing { items: events.iter().map(history::view).collect(), next_cursor }))
    }

    async fn cancel(self: Arc<Self>, request: Request<Cancellation>) -> Result<Reply<StartedView>, Problem> {
        let reason = request.body.reason.as_deref();
        let mut checks = Checks::default();
        if let Some(reason) = reason {
            checks.name("/reason", reason, 1000);
        }
        checks.done()?;
        let mut execution = self.started(&request).await?;
        let now = self.live.state(&execution).await?.map_or(execution.status, |live| live.status);
        if now == ExecutionStatus::Cancelled {
            execution.status = now;
            return Ok(Reply::accepted(execution.into()));
        }
        if now.has_ended() {
            let detail = format!("The execution has ended already: it is {}.", now.name());
            return Err(Problem::conflict("execution-ended", detail));
        }
        let details = vec![("reason", json!(reason))];
        self.record(&request, &execution, "execution.cancel", details).await?;
        let cause =
            reason.map_or_else(|| format!("Cancelled by {}.", request.caller.principal.name), str::to_owned);
        self.live.stop(&execution, &cause).await?;
        Ok(Reply::accepted(execution.into()))
    }

    async fn redrive(self: Arc<Self>, request: Request) -> Result<Reply<StartedView>, Problem> {
        let execution = self.started(&request).await?;
        let state = self.live.state_now(&execution).await?;
        if !state.status.has_ended() {
            return Err(Problem::conflict(
                "execution-running",
                "The execution is running; there is nothing to take up.",
            ));
        }
        if state.status == ExecutionStatus::Succeeded {
            return Err(Problem::conflict(
                "execution-succeeded",
                "The execution succeeded; start another one.",
            ));
        }
        self.record(&request, &execution, "execution.redrive", Vec::new()).await?;
        self.live.redrive(&execution, state.redrives).await?;
        let execution = self.taken_up(&request, execution, state.redrives + 1).await?;
        Ok(Reply::accepted(execution.into()))
    }

    /// Marks an execution as running again, unless an event has done so already.
    async fn taken_up(
        &self,
        request: &Request,
        mut execution: Execution,
        redrives: u32,
    ) -> Result<Execution, Problem> {
        for _ in 0..ATTEMPTS {
            if execution.redrives >= redrives {
                return Ok(execution);
            }
            execution.redrives = redrives;
            execution.status = ExecutionStatus::Running;
            (execution.error, execution.cause, execution.ended_at) = (None, None, None);
            match self.store.replace(&mut execution).await {
                Ok(()) => return Ok(execution),
                Err(StoreError::Conflict) => execution = self.found(request).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(execution)
    }

    async fn document(&self, key: &toss_store::Key) -> Result<Option<Value>, Problem> {
        let document = self.store.get::<ExecutionDocument>(key).await?;
        Ok(document.and_then(|document| serde_json::from_str(&document.text).ok()))
    }

    /// Puts on record what is about to be asked of Step Functions: asked without a record it never is.
    async fn record<B, Q>(
        &self,
        request: &Request<B, Q>,
        execution: &Execution,
        action: &'static str,
        details: Vec<(&'static str, Value)>,
    ) -> Result<(), Problem> {
        let act = Act { action, kind: "execution", id: &execution.id, details };
        let event = self.recorder.of(request.scope()?, &request.caller, act).await?;
        Ok(self.store.create(&event).await?)
    }

    async fn found<B, Q>(&self, request: &Request<B, Q>) -> Result<Execution, Problem> {
        let key = Execution::key_of(request.scope()?, request.path("id", "execution")?);
        self.store.get(&key).await?.ok_or_else(|| Problem::not_found("execution"))
    }

    /// The execution, started now if the request that wrote it down died before it could.
    async fn started<B, Q>(&self, request: &Request<B, Q>) -> Result<Execution, Problem> {
        let execution = self.found(request).await?;
        self.starter.ensure(request.scope()?, execution).await
    }
}
