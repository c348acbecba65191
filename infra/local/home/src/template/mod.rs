//! The template, read and resolved: what the home has to be.
//!
//! `template.yaml` and the stacks under it are evaluated as CloudFormation and the SAM transform would:
//! parameters, conditions, intrinsic functions, nested stacks and globals. What comes out is a [`Model`] of
//! plain names and ARNs, from which the rest of the home is built.

mod build;
mod evaluate;
pub mod model;
mod node;
mod problem;
mod source;

use std::collections::BTreeMap;

use serde_json::Value;

pub use model::Model;
pub use problem::{Problem, TemplateError};
pub use source::TemplateSource;

use evaluate::{Place, Stack, World};

/// The account that every ARN of this home names.
pub const ACCOUNT: &str = "000000000000";

/// The name of the root stack.
pub const STACK: &str = "toss";

/// What stands for a stream's creation time in its ARN: streams keep their ARN from start to start.
pub const STREAM_LABEL: &str = "local";

/// Gives keys their ids. KMS draws them at random, so whoever holds the keys must say.
pub trait KeyIds {
    /// The id of the key that a stack calls by a logical id, made if it is not there; or why it cannot be.
    fn key_id(&self, logical: &str, spec: &str, usage: &str) -> Result<String, String>;
}

/// What the template is evaluated with.
pub struct Settings<'k> {
    /// Where keys get their ids.
    pub keys: &'k dyn KeyIds,
    /// The region that ARNs name.
    pub region: String,
    /// Where queues are reached, such as `http://127.0.0.1:4566`.
    pub queue_endpoint: String,
    /// Values for the root template's parameters; one that the template does not declare is left out.
    pub parameters: BTreeMap<String, String>,
}

/// Reads a template with all its stacks.
pub fn load(source: &TemplateSource, settings: &Settings<'_>) -> Result<Model, TemplateError> {
    let place = Place {
        region: settings.region.clone(),
        account: ACCOUNT.into(),
        queue_endpoint: settings.queue_endpoint.clone(),
    };
    let world = World::new(source, place, settings.keys);
    let root = source.root();
    let declared = world.document(&root);
    let parameters: BTreeMap<String, Value> = settings
        .parameters
        .iter()
        .filter(|(name, _)| {
            declared.as_ref().and_then(|root| root.get("Parameters")?.get(name.as_str())).is_some()
        })
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let outputs =
        Stack::open(&world, STACK, &root, &parameters).map(|stack| stack.evaluate()).unwrap_or_default();
    build::model(world, outputs)
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// The model of an inline template, or its problems.
    pub(crate) fn load_text(text: &str) -> Result<Model, TemplateError> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("template.yaml");
        std::fs::write(&root, text).unwrap();
        load(&TemplateSource::Folder { root }, &settings())
    }

    /// Keys called by their logical ids.
    pub(crate) struct NamedKeys;

    impl KeyIds for NamedKeys {
        fn key_id(&self, logical: &str, _spec: &str, _usage: &str) -> Result<String, String> {
            Ok(logical.replace('/', "-"))
        }
    }

    /// Settings as the tests use them.
    pub(crate) fn settings() -> Settings<'static> {
        Settings {
            keys: &NamedKeys,
            region: "us-east-1".into(),
            queue_endpoint: "http://127.0.0.1:4566".into(),
            parameters: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
