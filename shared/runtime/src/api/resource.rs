//! A resource of the API: one Lambda with its routes.

use schemars::{Schema, SchemaGenerator};

use super::{Access, BodyFormat, Route};
use crate::{ConfigurationError, Grant, Platform, Sizing};

/// One endpoint of the API, served by one Lambda.
pub trait Resource: Send + Sync + Sized + 'static {
    /// The `Handler` name in the template, such as `tenants`.
    const HANDLER: &'static str;
    /// One line for the documentation.
    const SUMMARY: &'static str;
    /// What its function may touch, beside what the gate needs.
    const GRANTS: &'static [Grant] = &[];
    /// Its function's memory and time.
    const SIZING: Sizing = Sizing::SMALL;

    /// Builds it.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    fn build(platform: &Platform) -> Result<Self, ConfigurationError>;

    /// Its routes.
    fn routes() -> Vec<Route<Self>>;
}

/// What the documentation, the template and the gate need to know of a route.
#[derive(Debug, Clone)]
pub struct RouteDescription {
    /// The method, upper case.
    pub method: String,
    /// The path's template, with `/v1`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// One line for the documentation.
    pub summary: &'static str,
    /// The status of success.
    pub status: u16,
    /// How the body is read.
    pub body_format: BodyFormat,
    /// The media type of success.
    pub answer_media_type: &'static str,
    /// Whether an `Idempotency-Key` is honoured.
    pub idempotent: bool,
}

impl<S> Route<S> {
    /// What others need to know of it.
    #[must_use]
    pub fn describe(&self) -> RouteDescription {
        RouteDescription {
            method: self.method.to_string(),
            path: self.path,
            access: self.access,
            summary: self.summary,
            status: self.status,
            body_format: self.body_format,
            answer_media_type: self.answer_media_type,
            idempotent: self.idempotent,
        }
    }
}

/// A resource as the generators see it: routes with the schemas of their bodies, queries and answers.
pub struct ResourceDescription {
    /// The `Handler` name in the template.
    pub handler: &'static str,
    /// One line for the documentation.
    pub summary: &'static str,
    /// Its routes: description, body, query and answer schemas.
    pub routes: Vec<(RouteDescription, Schema, Schema, Option<Schema>)>,
}

impl ResourceDescription {
    /// Describes `R`, collecting the schemas of named types in `generator`.
    pub fn of<R: Resource>(generator: &mut SchemaGenerator) -> Self {
        let routes = R::routes()
            .iter()
            .map(|route| {
                let answer = route.answer.map(|schema| schema(generator));
                (route.describe(), (route.body)(generator), (route.query)(generator), answer)
            })
            .collect();
        Self { handler: R::HANDLER, summary: R::SUMMARY, routes }
    }
}
