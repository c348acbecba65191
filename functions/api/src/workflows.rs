//! Workflows: write, read, check, delete, and start.

mod views;

use std::sync::Arc;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_delivery::webhook::EventType;
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::{Queue, Table},
};
use toss_store::{
    Store, StoreError,
    workflows::{Workflow, WorkflowVersion},
};

pub(crate) use views::CreatedView;
use views::{ProblemView, VersionView, WorkflowView};

use crate::{
    authoring::{Author, Draft, examine, format},
    checks::Checks,
    executions::StartedView,
    listing::{Listing, PageQuery},
    record::{Act, Recorder},
    schema::Schema,
    seed::Seed,
    starting::{Start, Starter},
};

const MEDIA_TYPES: &[&str] =
    &["application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

/// The endpoint.
pub(crate) struct Workflows {
    platform: Platform,
    store: Store,
    author: Author,
    starter: Starter,
    recorder: Recorder,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewExecution {
    /// What the execution starts with; it must fit the workflow's input schema. `{}` when not given.
    #[serde(default = "nothing")]
    input: Value,
    /// A name of your own: started again under it with the same input, it is the same execution.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// The version to start; the newest when not given.
    #[serde(default)]
    version: Option<u32>,
}

fn nothing() -> Value {
    json!({})
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VersionQuery {
    /// The version; the newest when not given.
    #[serde(default)]
    version: Option<u32>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Verdict {
    /// Whether a workflow can be made of the definition.
    valid: bool,
    /// All that is wrong with it.
    problems: Vec<ProblemView>,
}

impl Resource for Workflows {
    const HANDLER: &'static str = "workflows";
    const SUMMARY: &'static str = "Definitions of processes, in versions, and their start.";
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::ManageStateMachines,
        Grant::StartExecutions,
        Grant::Send(Queue::Webhooks),
    ];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            author: Author::new(platform)?,
            starter: Starter::new(platform)?,
            recorder: Recorder::new(platform)?,
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let (all, one, read) = ("/v1/workflows", "/v1/workflows/{name}", Access::Action("workflows:read"));
        let validate = Access::Action("workflows:validate");
        vec![
            Route::new(
                Method::POST,
                all,
                Access::Action("workflows:create"),
                201,
                "Create a workflow, or a new version of one",
                Self::create,
            )
            .text_body(MEDIA_TYPES),
            Route::new(Method::GET, all, read, 200, "All workflows", Self::list),
            Route::new(
                Method::POST,
                "/v1/workflows/validate",
                validate,
                200,
                "Tell all that is wrong with a definition",
                Self::validate,
            )
            .text_body(MEDIA_TYPES),
            Route::new(Method::GET, one, read, 200, "One workflow with its definition", Self::read),
            Route::new(
                Method::DELETE,
                one,
                Access::Action("workflows:delete"),
                204,
                "Delete a workflow; what runs goes on to its end",
                Self::delete,
            ),
            Route::new(
                Method::GET,
                "/v1/workflows/{name}/versions",
                read,
                200,
                "A workflow's versions",
                Self::versions,
            ),
            Route::new(
                Method::GET,
                "/v1/workflows/{name}/versions/{version}",
                read,
                200,
                "One version with its definition",
                Self::version,
            ),
            Route::new(
                Method::GET,
                "/v1/workflows/{name}/asl",
                read,
                200,
                "The compiled definition, in the Amazon States Language",
                Self::asl,
            ),
            Route::new(
                Method::POST,
                "/v1/workflows/{name}/executions",
                Access::Action("executions:start"),
                201,
                "Start an execution",
                Self::start,
            ),
        ]
    }
}

impl Workflows {
    async fn create(self: Arc<Self>, request: Request<String>) -> Result<Reply<CreatedView>, Problem> {
        let format = format(&request.media_type, &request.body);
        let draft = Draft::read(request.body.clone(), format)?;
        let seed = Seed::of(&request, &self.platform);
        let version = self.author.create(request.scope()?, &request.caller, &draft, seed).await?;
        let location = format!("/v1/workflows/{}", version.name);
        Ok(Reply::created(CreatedView::from(version)).with_header("Location", location))
    }

    async fn validate(self: Arc<Self>, request: Request<String>) -> Result<Reply<Verdict>, Problem> {
        let problems =
            examine(&request.body, format(&request.media_type, &request.body)).err().unwrap_or_default();
        let problems: Vec<ProblemView> = problems.into_iter().map(ProblemView).collect();
        Ok(Reply::ok(Verdict { valid: problems.is_empty(), problems }))
    }

    async fn list(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<WorkflowView>>, Problem> {
        let range = request.query.of(Workflow::all(request.scope()?))?;
        let mut page = self.store.list::<Workflow>(range).await?;
        page.items.retain(|workflow| workflow.startable().is_some());
        Ok(Reply::ok(Listing::of(page, WorkflowView::from)))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<VersionView>, Problem> {
        let (_, version) = self.found(&request, None).await?;
        Ok(Reply::ok(VersionView::of(version, true)))
    }

    async fn versions(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<VersionView>>, Problem> {
        let (workflow, _) = self.found(&request, None).await?;
        let range = request.query.of(WorkflowVersion::of_workflow(request.scope()?, workflow.id))?;
        let mut page = self.store.list::<WorkflowVersion>(range).await?;
        page.items.retain(|version| version.state_machine.is_some());
        Ok(Reply::ok(Listing::of(page, |version| VersionView::of(version, false))))
    }

    async fn version(self: Arc<Self>, request: Request) -> Result<Reply<VersionView>, Problem> {
        let version = request.path("version", "version")?;
        let (_, version) = self.found(&request, Some(version)).await?;
        Ok(Reply::ok(VersionView::of(version, true)))
    }

    async fn asl(self: Arc<Self>, request: Request<(), VersionQuery>) -> Result<Reply<Value>, Problem> {
        let (_, version) = self.found(&request, request.query.version).await?;
        let arn = version.state_machine.ok_or_else(|| Problem::not_found("version"))?;
        let definition = self.author.machines().definition(&arn).await?;
        Ok(Reply::ok(serde_json::from_str(&definition).map_err(|error| Problem::internal(&error))?))
    }

    async fn delete(self: Arc<Self>, request: Request) -> Result<Reply<()>, Problem> {
        let scope = request.scope()?;
        let mut workflow = self.named(&request).await?;
        if !workflow.deleting {
            workflow.deleting = true;
            let details = vec![("name", json!(workflow.name)), ("version", json!(workflow.latest))];
            let act = Act { action: "workflow.delete", kind: "workflow", id: &workflow.id, details };
            let event = self.recorder.of(scope, &request.caller, act).await?;
            self.store.transaction().replace(&workflow)?.create(&event)?.commit().await?;
        }
        // Whatever dies in between: the workflow stays marked, and deleting it again goes on here. A version
        // goes only after its state machine, the workflow only after its versions.
        loop {
            let range = WorkflowVersion::of_workflow(scope, workflow.id).limit(25);
            let page = self.store.list::<WorkflowVersion>(range).await?;
            for version in &page.items {
                if let Some(machine) = &version.state_machine {
                    self.author.machines().delete(machine).await?;
                }
                let key = WorkflowVersion::key_of(scope, workflow.id, version.version);
                self.store.delete::<WorkflowVersion>(&key).await?;
            }
            if page.next.is_none() {
                break;
            }
        }
        let (name, kind) = (&workflow.name, EventType::WorkflowDeleted);
        self.author.tell(scope, kind, name, workflow.id, workflow.latest).await;
        self.store.delete::<Workflow>(&Workflow::key_of(scope, name)).await?;
        Ok(Reply::no_content())
    }

    async fn start(self: Arc<Self>, request: Request<NewExecution>) -> Result<Reply<StartedView>, Problem> {
        let new = &request.body;
        let mut checks = Checks::default();
        if let Some(name) = &new.name {
            checks.name("/name", name, 128);
        }
        checks.done()?;
        let (_, version) = self.found(&request, new.version).await?;
        if let Some(schema) = &version.input_schema {
            fits(schema, &new.input)?;
        }
        let state_machine = version.state_machine.as_deref().ok_or_else(|| Problem::not_found("version"))?;
        let start = Start { version: &version, state_machine, input: &new.input, name: new.name.as_deref() };
        let seed = Seed::of(&request, &self.platform);
        let started = self.starter.start(request.scope()?, &request.caller, start, seed).await?;
        let location = format!("/v1/executions/{}", started.execution.id);
        let view = StartedView::from(started.execution);
        // A request that is carried out again after it died is the one that started it.
        let reply = if started.before && !seed.repeatable { Reply::ok(view) } else { Reply::created(view) };
        Ok(reply.with_header("Location", location))
    }

    async fn named<B, Q>(&self, request: &Request<B, Q>) -> Result<Workflow, Problem> {
        let missing = || Problem::not_found("workflow");
        let name: String = request.path("name", "workflow")?;
        if !crate::checks::is_slug(&name, 63) {
            return Err(missing());
        }
        self.store.get(&Workflow::key_of(request.scope()?, &name)).await?.ok_or_else(missing)
    }

    /// A workflow and one of its versions, the newest unless another is asked for.
    async fn found<B, Q>(
        &self,
        request: &Request<B, Q>,
        version: Option<u32>,
    ) -> Result<(Workflow, WorkflowVersion), Problem> {
        let workflow = self.named(request).await?;
        let latest = workflow.startable().ok_or_else(|| Problem::not_found("workflow"))?;
        let key = WorkflowVersion::key_of(request.scope()?, workflow.id, version.unwrap_or(latest));
        let found: Option<WorkflowVersion> =
            self.store.get(&key).await.map_err(|error: StoreError| Problem::from(error))?;
        let found = found.filter(|version| version.state_machine.is_some());
        Ok((workflow, found.ok_or_else(|| Problem::not_found("version"))?))
    }
}

fn fits(input_schema: &Value, input: &Value) -> Result<(), Problem> {
    let schema = Schema::prepare(input_schema).map_err(|message| {
        Problem::conflict(
            "bad-input-schema",
            format!("The version's input schema cannot be used: {message}."),
        )
    })?;
    let problems = schema.problems(input, "/input");
    if problems.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("The input does not fit the workflow's input schema.", Value::Array(problems)))
}
