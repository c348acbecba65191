//! Whether the platform answers, and what it offers.

use std::sync::Arc;

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toss_runtime::{
    ConfigurationError, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
};

use crate::openapi;

/// The endpoint.
pub(crate) struct Health;

#[derive(Debug, Serialize, JsonSchema)]
struct HealthView {
    /// `ok`: requests are answered.
    status: &'static str,
    /// The platform's version.
    version: &'static str,
}

impl Resource for Health {
    const HANDLER: &'static str = "health";
    const SUMMARY: &'static str = "Whether the platform answers, and what it offers.";

    fn build(_: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self)
    }

    fn routes() -> Vec<Route<Self>> {
        vec![
            Route::new(
                Method::GET,
                "/v1/health",
                Access::Public,
                200,
                "Whether the platform answers",
                Self::health,
            ),
            Route::new(
                Method::GET,
                "/v1/openapi.json",
                Access::Public,
                200,
                "This API as an OpenAPI document",
                Self::document,
            ),
        ]
    }
}

impl Health {
    async fn health(self: Arc<Self>, _: Request) -> Result<Reply<HealthView>, Problem> {
        Ok(Reply::ok(HealthView { status: "ok", version: env!("CARGO_PKG_VERSION") })
            .with_header("Cache-Control", "no-store"))
    }

    async fn document(self: Arc<Self>, _: Request) -> Result<Reply<Value>, Problem> {
        Ok(Reply::ok(openapi::document().clone()).with_header("Cache-Control", "public, max-age=300"))
    }
}
