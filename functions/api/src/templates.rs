//! Templates: workflows to begin with.

use std::sync::Arc;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::{Queue, Table},
};
use toss_store::workflows::SourceFormat;
use toss_workflow::{Template, template, templates};

use crate::{
    authoring::{Author, Draft},
    listing::Listing,
    seed::Seed,
    workflows::CreatedView,
};

/// The endpoint.
pub(crate) struct Templates {
    platform: Platform,
    author: Author,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewInstance {
    /// The name of the workflow to make: small letters, digits and hyphens.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9-]*$"))]
    name: String,
    /// The template's parameters; those that are not given have their defaults.
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    parameters: Value,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TemplateView {
    /// What it is asked for by.
    id: String,
    title: String,
    description: String,
    /// JSON Schema of its parameters, with defaults.
    parameters: Value,
    /// Inputs to try it with.
    samples: Vec<SampleView>,
    /// Its page, in Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SampleView {
    /// What it shows.
    name: String,
    /// The execution's input.
    input: Value,
}

fn view(template: &Template, whole: bool) -> TemplateView {
    TemplateView {
        id: template.id.clone(),
        title: template.title.clone(),
        description: template.description.clone(),
        parameters: template.parameters.clone(),
        samples: template
            .samples
            .iter()
            .map(|sample| SampleView { name: sample.name.clone(), input: sample.input.clone() })
            .collect(),
        documentation: whole.then_some(template.documentation),
    }
}

impl Resource for Templates {
    const HANDLER: &'static str = "templates";
    const SUMMARY: &'static str = "Workflows to begin with.";
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::ManageStateMachines,
        Grant::Send(Queue::Webhooks),
    ];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self { platform: platform.clone(), author: Author::new(platform)? })
    }

    fn routes() -> Vec<Route<Self>> {
        let read = Access::Action("templates:read");
        vec![
            Route::new(Method::GET, "/v1/templates", read, 200, "All templates", Self::list),
            Route::new(Method::GET, "/v1/templates/{id}", read, 200, "One template", Self::read),
            Route::new(
                Method::POST,
                "/v1/templates/{id}/instantiate",
                Access::Action("templates:instantiate"),
                201,
                "Make a workflow of a template",
                Self::instantiate,
            ),
        ]
    }
}

impl Templates {
    async fn list(self: Arc<Self>, _: Request) -> Result<Reply<Listing<TemplateView>>, Problem> {
        Ok(Reply::ok(Listing::whole(templates().iter().map(|template| view(template, false)).collect())))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<TemplateView>, Problem> {
        Ok(Reply::ok(view(found(&request)?, true)))
    }

    async fn instantiate(
        self: Arc<Self>,
        request: Request<NewInstance>,
    ) -> Result<Reply<CreatedView>, Problem> {
        let template = found(&request)?;
        let NewInstance { name, parameters } = &request.body;
        let instance = template.instantiate(name, parameters).map_err(|problems| {
            Problem::invalid("The template cannot be made with these parameters.", json!(problems))
        })?;
        let draft = Draft::read(instance.text, SourceFormat::Json)?;
        let seed = Seed::of(&request, &self.platform);
        let version = self.author.create(request.scope()?, &request.caller, &draft, seed).await?;
        let location = format!("/v1/workflows/{}", version.name);
        Ok(Reply::created(CreatedView::from(version)).with_header("Location", location))
    }
}

fn found<B>(request: &Request<B>) -> Result<&'static Template, Problem> {
    let id: String = request.path("id", "template")?;
    template(&id).ok_or_else(|| Problem::not_found("template"))
}
