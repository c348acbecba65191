//! `AWS::Serverless::Function` and `AWS::Lambda::Function`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::fields::Fields;
use super::{events, roles, routes, sources};
use crate::template::model::{Function, Model};

pub(super) fn add(model: &mut Model, fields: Fields<'_>) {
    let name = fields.resource.name.clone();
    let role = match fields.text("Role") {
        Some(role) => role,
        None => {
            let role = roles::implicit(&fields);
            let arn = role.arn.clone();
            model.roles.insert(arn.clone(), role);
            arn
        }
    };
    let environment = fields.inside("Environment").map(|environment| environment.text_map("Variables"));
    let function = Function {
        arn: fields.place().arn("lambda", &format!("function:{name}")),
        binary: binary(&fields),
        handler: fields.required("Handler"),
        timeout: Duration::from_secs(fields.number::<u32>("Timeout").unwrap_or(3).clamp(1, 900).into()),
        memory: fields.number("MemorySize").unwrap_or(128),
        environment: environment.unwrap_or_default(),
        role,
        reserved_concurrency: fields.number("ReservedConcurrentExecutions"),
        name: name.clone(),
    };
    if model.functions.insert(name.clone(), function).is_some() {
        fields.problem(format!("another function is called {name} already"));
    }
    for (event, declaration) in fields.map("Events").into_iter().flatten() {
        add_event(model, &fields, &name, event, declaration);
    }
}

fn binary(fields: &Fields<'_>) -> String {
    let code = match fields.raw("CodeUri").or_else(|| fields.raw("Code")) {
        Some(Value::String(path)) => path.clone(),
        Some(Value::Object(code)) => {
            code.get("S3Key").and_then(Value::as_str).unwrap_or_default().trim_end_matches(".zip").to_owned()
        }
        _ => String::new(),
    };
    match Path::new(&code).file_name() {
        Some(name) => name.to_string_lossy().trim_end_matches(".zip").to_owned(),
        None => {
            fields.problem("CodeUri must end in the name of the binary that holds the function");
            String::new()
        }
    }
}

fn add_event(model: &mut Model, fields: &Fields<'_>, function: &str, event: &str, declaration: &Value) {
    let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
    let empty = Value::Null;
    let properties = fields.within(declaration.get("Properties").unwrap_or(&empty));
    match kind {
        "Api" => routes::add_event(model, &properties, function),
        "SQS" => sources::add_queue(model, &properties, function, "Queue"),
        "DynamoDB" => sources::add_stream(model, &properties, function, "Stream"),
        "EventBridgeRule" | "CloudWatchEvent" => events::add_rule_event(model, &properties, function, event),
        "Schedule" | "ScheduleV2" => {
            events::add_schedule_event(model, &properties, function, event, kind == "Schedule");
        }
        other => fields
            .problem(format!("the event {event} is of type {other}, which is not emulated on one machine")),
    }
}
