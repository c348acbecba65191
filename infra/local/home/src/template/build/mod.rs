//! From evaluated resources to the model, one kind of resource a file.

mod events;
mod fields;
mod functions;
mod keys;
mod policies;
mod queues;
mod roles;
mod routes;
mod sources;
mod supported;
mod tables;

use serde_json::Value;

use super::evaluate::{Outputs, Resource, World};
use super::model::Model;
use super::problem::TemplateError;
use fields::Fields;
pub(super) use supported::harmless;

/// Builds the model of everything a world has found, or tells all that is wrong.
pub(super) fn model(world: World<'_>, outputs: Outputs) -> Result<Model, TemplateError> {
    let mut model = Model { stage: "v1".into(), outputs, ..Model::default() };
    let resources = world.resources();
    for resource in &resources {
        add(&mut model, Fields::of(resource, &world));
    }
    // Policies and aliases hang on things that must be known first.
    for resource in &resources {
        attach(&mut model, Fields::of(resource, &world));
    }
    check_references(&model, &resources, &world);
    drop(resources);
    let problems = world.finish();
    if problems.is_empty() { Ok(model) } else { Err(TemplateError { problems }) }
}

fn add(model: &mut Model, fields: Fields<'_>) {
    match fields.resource.kind.as_str() {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => functions::add(model, fields),
        "AWS::Serverless::Api" | "AWS::ApiGateway::RestApi" => routes::add_api(model, fields),
        "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => tables::add(model, fields),
        "AWS::SQS::Queue" => queues::add(model, fields),
        "AWS::KMS::Key" => keys::add(model, fields),
        "AWS::IAM::Role" => roles::add(model, fields),
        "AWS::Lambda::EventSourceMapping" => sources::add_mapping(model, fields),
        "AWS::Events::Rule" => events::add_rule(model, fields),
        "AWS::Scheduler::Schedule" => events::add_schedule(model, fields),
        "AWS::KMS::Alias" | "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" | "AWS::IAM::ManagedPolicy" => {}
        kind if harmless(kind) => {
            model.left_out.insert(kind.to_owned());
        }
        kind => fields.problem(format!(
            "{kind} is not emulated on one machine; the home would not behave as the deployed application does"
        )),
    }
}

fn attach(model: &mut Model, fields: Fields<'_>) {
    match fields.resource.kind.as_str() {
        "AWS::KMS::Alias" => keys::add_alias(model, fields),
        "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" | "AWS::IAM::ManagedPolicy" => {
            roles::attach_policy(model, fields);
        }
        "AWS::IAM::Role" | "AWS::Serverless::Function" => roles::attach_managed(model, fields),
        _ => {}
    }
}

/// What functions and event sources name must be there.
fn check_references(model: &Model, resources: &[Resource], world: &World<'_>) {
    let missing = |name: &str, message: String| {
        let place = resources.iter().find(|resource| resource.name == name);
        let (file, line) = place.map_or(("template.yaml", 1), |place| (place.file.as_str(), place.line));
        world.problem(file, line, place.map(|place| place.logical.as_str()), message);
    };
    for function in model.functions.values() {
        if !model.roles.contains_key(&function.role) {
            missing(&function.name, format!("its role {} is not in the template", function.role));
        }
    }
    for source in &model.queue_sources {
        if !model.queues.values().any(|queue| queue.arn == source.queue_arn) {
            missing(
                &source.function,
                format!("its event source {} is not a queue of the template", source.queue_arn),
            );
        }
    }
    for source in &model.stream_sources {
        match model.tables.get(&source.table) {
            Some(table) if table.create.get("StreamSpecification").is_some_and(Value::is_object) => {}
            _ => missing(
                &source.function,
                format!("its event source {} is not a table with a stream", source.stream_arn),
            ),
        }
    }
}
