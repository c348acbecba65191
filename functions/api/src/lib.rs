//! One handler per API endpoint.
//!
//! A resource is one file, one line in [`ENDPOINTS`] and one Lambda. From that list come the functions of the
//! binary, the routes and roles of the template, and the OpenAPI document.

mod activities;
mod audit;
mod authoring;
mod checks;
mod clients;
mod executions;
mod health;
mod listing;
mod machines;
pub mod openapi;
mod record;
mod schema;
mod seed;
mod starting;
mod tasks;
mod templates;
mod tenants;
mod users;
mod webhooks;
mod workflows;

use std::sync::{Arc, LazyLock};

use schemars::SchemaGenerator;
use toss_clients::{ClientGate, GATE_GRANTS};
use toss_runtime::{
    FunctionDefinition, Grant,
    api::{Pipeline, Resource, ResourceDescription},
};

pub use openapi::openapi;

/// One endpoint: its function and its description.
struct Endpoint {
    function: fn() -> FunctionDefinition,
    describe: fn(&mut SchemaGenerator) -> ResourceDescription,
}

impl Endpoint {
    const fn of<R: Resource>() -> Self {
        Self { function: function::<R>, describe: ResourceDescription::of::<R> }
    }
}

/// The endpoints of the API.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint::of::<activities::Activities>(),
    Endpoint::of::<audit::Audit>(),
    Endpoint::of::<clients::Clients>(),
    Endpoint::of::<executions::Executions>(),
    Endpoint::of::<health::Health>(),
    Endpoint::of::<tasks::Tasks>(),
    Endpoint::of::<templates::Templates>(),
    Endpoint::of::<tenants::Tenants>(),
    Endpoint::of::<workflows::Workflows>(),
    Endpoint::of::<users::Users>(),
    Endpoint::of::<webhooks::Webhooks>(),
];

fn function<R: Resource>() -> FunctionDefinition {
    // A definition's grants are constants of the process; each list is made once.
    let grants: Vec<Grant> = GATE_GRANTS.iter().chain(R::GRANTS).copied().collect();
    FunctionDefinition::new(R::HANDLER, |platform| {
        let gate = Arc::new(ClientGate::new(platform)?);
        Ok(Arc::new(Pipeline::new(R::build(platform)?, gate)))
    })
    .grants(grants.leak())
    .sizing(R::SIZING)
}

static FUNCTIONS: LazyLock<Vec<FunctionDefinition>> =
    LazyLock::new(|| ENDPOINTS.iter().map(|endpoint| (endpoint.function)()).collect());

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    FUNCTIONS.clone()
}

/// The resources with their routes, for the generators of the template and of the documentation.
pub fn resources(generator: &mut SchemaGenerator) -> Vec<ResourceDescription> {
    ENDPOINTS.iter().map(|endpoint| (endpoint.describe)(generator)).collect()
}

#[cfg(test)]
mod tests;
