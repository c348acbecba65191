//! The gateway's routes: SAM `Api` events and OpenAPI documents with integrations.

use serde_json::Value;

use super::fields::Fields;
use crate::template::model::{Model, Route};

const METHODS: &[&str] =
    &["get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"];

/// `Type: Api` with `Path` and `Method`.
pub(super) fn add_event(model: &mut Model, fields: &Fields<'_>, function: &str) {
    let method = fields.required("Method").to_uppercase();
    add(model, fields, Route { method, path: fields.required("Path"), function: function.to_owned() });
}

/// An API: its stage, its binary types and the routes of its document.
pub(super) fn add_api(model: &mut Model, fields: Fields<'_>) {
    if let Some(stage) = fields.text("StageName") {
        model.stage = stage;
    }
    // SAM writes a media type's slash as `~1`.
    model
        .binary_media_types
        .extend(fields.texts("BinaryMediaTypes").iter().map(|kind| kind.replace("~1", "/")));
    let document = fields.raw("DefinitionBody").or_else(|| fields.raw("Body"));
    if let Some(uri) = fields.text("DefinitionUri") {
        match fields.document(&uri) {
            Some(document) => add_document(model, &fields, &document.plain()),
            None => fields.problem(format!("DefinitionUri {uri} cannot be read")),
        }
    } else if let Some(document) = document {
        add_document(model, &fields, document);
    }
}

fn add_document(model: &mut Model, fields: &Fields<'_>, document: &Value) {
    let kinds = document.get("x-amazon-apigateway-binary-media-types").and_then(Value::as_array);
    model
        .binary_media_types
        .extend(kinds.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned));
    for (path, operations) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let method = if method.starts_with("x-") { "ANY".into() } else { method.to_uppercase() };
            let Some(integration) = operation.get("x-amazon-apigateway-integration") else {
                fields.problem(format!("{method} {path} has no x-amazon-apigateway-integration"));
                continue;
            };
            match integration.get("uri").and_then(Value::as_str).and_then(function_of) {
                Some(function) => add(model, fields, Route { method, path: path.clone(), function }),
                // A mock integration answers CORS preflights on AWS.
                None if integration.get("type").and_then(Value::as_str) == Some("mock") => {}
                None => fields.problem(format!("the integration of {method} {path} names no function")),
            }
        }
    }
}

/// The function in `arn:…:path/2015-03-31/functions/<function ARN>/invocations`.
fn function_of(uri: &str) -> Option<String> {
    let arn = uri.split("/functions/").nth(1)?.strip_suffix("/invocations")?;
    arn.split(":function:").nth(1)?.split(':').next().map(ToOwned::to_owned)
}

fn add(model: &mut Model, fields: &Fields<'_>, route: Route) {
    if !route.path.starts_with('/') {
        fields.problem(format!("the path {} must begin with a slash", route.path));
        return;
    }
    let taken = model.routes.iter().find(|known| known.method == route.method && known.path == route.path);
    match taken {
        Some(known) if known.function != route.function => {
            fields
                .problem(format!("{} {} is served by {} already", route.method, route.path, known.function));
        }
        Some(_) => {}
        None => model.routes.push(route),
    }
}
