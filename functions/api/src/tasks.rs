//! Tasks: what waits for people, and their decisions.

use std::{sync::Arc, time::Duration};

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toss_clients::{ClientType, Policy};
use toss_kernel::{
    Clock, Role,
    id::{ExecutionId, TaskId},
};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::{Queue, Table},
};
use toss_store::{
    Store,
    clients::Client,
    tasks::{Task, TaskStatus, Verdict},
};
use toss_tasks::{
    Asker, AuditContext, Ballot, Desk, Effect, Message, NoticeQueue, Occasion, Refusal, Resumer, Told,
};

use crate::{
    checks::Checks,
    listing::{Limit, Listing},
};

mod list;
mod view;

use view::TaskView;

/// The longest comment.
const LONGEST_COMMENT: usize = 2000;

/// The longest name of a person or group.
const LONGEST_NAME: usize = 256;

/// The endpoint.
pub(crate) struct Tasks {
    clock: Arc<dyn Clock>,
    store: Store,
    desk: Desk,
    queue: NoticeQueue,
    resumer: Resumer,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TasksQuery {
    /// Only tasks that stand so.
    #[serde(default)]
    status: Option<TaskStatus>,
    /// Only tasks that this person may decide: by name, as a member of a group, or as a delegate.
    #[serde(default)]
    assignee: Option<String>,
    /// Only tasks of this execution.
    #[serde(default)]
    execution_id: Option<ExecutionId>,
    /// How many items at most.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewDecision {
    /// `approve` or `reject`.
    decision: Verdict,
    /// Why.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    comment: Option<String>,
    /// The assignee for whom an administrator or a service's key decides. Both are audited.
    #[serde(default, rename = "as")]
    #[schemars(length(min = 1, max = 256))]
    on_behalf: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewDelegation {
    /// Who decides instead.
    #[schemars(length(min = 1, max = 256))]
    to: String,
    /// Why.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    comment: Option<String>,
    /// The assignee for whom an administrator or a service's key delegates. Both are audited.
    #[serde(default, rename = "as")]
    #[schemars(length(min = 1, max = 256))]
    on_behalf: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Completion {
    /// What was filled in.
    #[expect(dead_code, reason = "read once tasks with forms are served; until then all are refused")]
    data: Value,
}

impl Resource for Tasks {
    const HANDLER: &'static str = "tasks";
    const SUMMARY: &'static str = "What waits for people, and their decisions.";
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::Write(Table::Audit),
        Grant::Seal,
        Grant::Send(Queue::Approvals),
        Grant::AnswerTasks,
    ];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            clock: Arc::clone(&platform.clock),
            store: Store::new(platform),
            desk: Desk::new(platform)?,
            queue: NoticeQueue::new(platform)?,
            resumer: Resumer::new(platform),
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let read = Access::Action("tasks:read");
        let delegate = Access::Action("tasks:delegate");
        let post = Method::POST;
        vec![
            Route::new(Method::GET, "/v1/tasks", read, 200, "Tasks, oldest first", Self::list),
            Route::new(
                Method::GET,
                "/v1/tasks/{id}",
                read,
                200,
                "One task, with who may decide it",
                Self::read,
            ),
            Route::new(
                post.clone(),
                "/v1/tasks/{id}/claim",
                Access::Action("tasks:claim"),
                200,
                "Say that you look after a task; it binds nobody else",
                Self::claim,
            ),
            Route::new(
                post.clone(),
                "/v1/tasks/{id}/decision",
                Access::Action("tasks:decide"),
                200,
                "Approve or reject",
                Self::decide,
            ),
            Route::new(
                post.clone(),
                "/v1/tasks/{id}/delegation",
                delegate,
                200,
                "Let someone else decide for you",
                Self::delegate,
            ),
            Route::new(
                post.clone(),
                "/v1/tasks/{id}/delegate",
                delegate,
                200,
                "Let someone else decide for you; the same as `/delegation`",
                Self::delegate,
            ),
            Route::new(
                post,
                "/v1/tasks/{id}/completion",
                Access::Action("tasks:complete"),
                200,
                "Fill in the form of a task that has one",
                Self::complete,
            ),
        ]
    }
}

impl Tasks {
    async fn list(
        self: Arc<Self>,
        request: Request<(), TasksQuery>,
    ) -> Result<Reply<Listing<TaskView>>, Problem> {
        Ok(Reply::ok(list::answer(&self.store, request.scope()?, &request.query, self.clock.now()).await?))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<TaskView>, Problem> {
        let task = self.desk.task(request.scope()?, id(&request)?).await?;
        let people = self.desk.people(&task).await?;
        Ok(Reply::ok(TaskView::with_people(task, &people)))
    }

    async fn claim(self: Arc<Self>, request: Request) -> Result<Reply<TaskView>, Problem> {
        let change = self.change(&request, None).await?;
        let (task, _) = self.desk.claim(&change).await?;
        Ok(Reply::ok(TaskView::from(task)))
    }

    async fn decide(self: Arc<Self>, request: Request<NewDecision>) -> Result<Reply<TaskView>, Problem> {
        let NewDecision { decision, comment, on_behalf } = &request.body;
        let mut checks = Checks::default();
        check(&mut checks, comment.as_deref(), on_behalf.as_deref());
        checks.done()?;
        let change = self.change(&request, on_behalf.as_deref()).await?;
        let ballot = Ballot { verdict: *decision, comment: comment.as_deref() };
        let (task, effect) = self.desk.decide(&change, &ballot).await?;
        let task = if effect == Effect::Closed { self.tell(task).await? } else { task };
        Ok(Reply::ok(TaskView::from(task)))
    }

    /// Tells everyone whom a final decision concerns: the step first. What fails here stays written down as yet
    /// to be told, and the timers tell it.
    async fn tell(&self, task: Task) -> Result<Task, Problem> {
        let message = Message { tenant: task.tenant, task: task.id, occasion: Occasion::Decided };
        let noticed = self.queue.send(&message, Duration::ZERO).await;
        let told = match self.resumer.tell(&task).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, task = %task.id, "the timers will tell the step");
                return Ok(task);
            }
        };
        if let (Err(error), Told::Taken) = (&noticed, told) {
            tracing::warn!(%error, task = %task.id, "the timers will send the notice");
            return Ok(task);
        }
        match self.desk.told(&task, told, true).await {
            Ok(task) if task.status == TaskStatus::Expired => {
                Err(Refusal::Closed { status: task.status }.into())
            }
            Ok(task) => Ok(task),
            Err(error) => {
                tracing::warn!(%error, task = %task.id, "the timers will find that the step was told");
                Ok(task)
            }
        }
    }

    async fn delegate(self: Arc<Self>, request: Request<NewDelegation>) -> Result<Reply<TaskView>, Problem> {
        let NewDelegation { to, comment, on_behalf } = &request.body;
        let mut checks = Checks::default();
        checks.name("/to", to, LONGEST_NAME);
        check(&mut checks, comment.as_deref(), on_behalf.as_deref());
        checks.done()?;
        let change = self.change(&request, on_behalf.as_deref()).await?;
        let (task, _) = self.desk.delegate(&change, to, comment.as_deref()).await?;
        let message =
            Message { tenant: task.tenant, task: task.id, occasion: Occasion::Delegated { to: to.clone() } };
        // A request that is repeated finds the delegation and sends the notice.
        self.queue.send(&message, Duration::ZERO).await.map_err(|error| {
            tracing::error!(%error, "the notice was not sent");
            Problem::unavailable(
                "The task is delegated, but its delegate was not told; send the same request again.",
            )
        })?;
        Ok(Reply::ok(TaskView::from(task)))
    }

    async fn complete(self: Arc<Self>, request: Request<Completion>) -> Result<Reply<TaskView>, Problem> {
        let task = self.desk.task(request.scope()?, id(&request)?).await?;
        Err(Problem::conflict(
            "not-a-form",
            format!("The task asks for a decision. Send it to POST /v1/tasks/{}/decision.", task.id),
        ))
    }

    async fn change<'a, B, Q>(
        &self,
        request: &'a Request<B, Q>,
        on_behalf: Option<&'a str>,
    ) -> Result<toss_tasks::Request<'a>, Problem> {
        let (scope, caller) = (request.scope()?, &request.caller);
        let principal = &caller.principal;
        let acts_for_others =
            principal.has(Role::Admin) || (on_behalf.is_some() && self.is_service(request).await?);
        let reasons = Policy::embedded()
            .map(|policy| policy.decide(principal, caller.action).reasons)
            .unwrap_or_default();
        Ok(toss_tasks::Request {
            scope,
            task: id(request)?,
            asker: Asker { name: &principal.name, acts_for_others, on_behalf },
            audit: AuditContext { principal, ip: caller.source_ip.parse().ok(), reasons },
        })
    }

    /// Whether the key is a service's, which speaks for the people who use it.
    async fn is_service<B, Q>(&self, request: &Request<B, Q>) -> Result<bool, Problem> {
        let Some(client) = request.caller.principal.client else { return Ok(false) };
        let client = self.store.get::<Client>(&Client::key_of(request.scope()?, client)).await?;
        Ok(client.is_some_and(|client| client.client_type == ClientType::Service.name()))
    }
}

fn id<B, Q>(request: &Request<B, Q>) -> Result<TaskId, Problem> {
    request.path("id", "task")
}

fn check(checks: &mut Checks, comment: Option<&str>, on_behalf: Option<&str>) {
    if comment.is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT) {
        checks.refuse("/comment", "length", format!("must have at most {LONGEST_COMMENT} characters"));
    }
    if let Some(name) = on_behalf {
        checks.name("/as", name, LONGEST_NAME);
    }
}
