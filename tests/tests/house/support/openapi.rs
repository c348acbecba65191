//! The routes of the API, as its own document tells them.

use http::Method;
use serde_json::{Map, Value, json};

use super::platform::Platform;

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The path's template, such as `/v1/tasks/{id}/decision`.
    pub(crate) path: String,
    /// The action that the policy must permit; none on public routes.
    pub(crate) action: Option<String>,
    /// The names of query parameters.
    pub(crate) query: Vec<String>,
    /// The body's media type and a body that fits its schema.
    pub(crate) body: Option<(String, String)>,
}

impl Route {
    /// The names of the path's parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The path with values for its parameters.
    pub(crate) fn with(&self, mut value: impl FnMut(&str) -> String) -> String {
        let parts = self.path.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.map_or_else(|| part.to_owned(), &mut value)
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// All routes of a running platform.
pub(crate) async fn routes(platform: &Platform) -> Vec<Route> {
    let document = platform.operator().get("/v1/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().expect("the document has paths");
    let mut routes = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations by method") {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
            routes.push(Route {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                action: operation["x-toss-action"].as_str().map(str::to_owned),
                query: in_query
                    .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
                    .collect(),
                body: operation.pointer("/requestBody/content").and_then(|content| body(content, &document)),
            });
        }
    }
    assert!(routes.len() > 20, "the document lists the routes of the API, not {}", routes.len());
    routes
}

/// A body for the first media type.
fn body(content: &Value, document: &Value) -> Option<(String, String)> {
    let (media, content) = content.as_object()?.iter().next()?;
    let schema = &content["schema"];
    let text = if media == "application/json" && schema.as_object().is_some_and(|schema| !schema.is_empty()) {
        sample(schema, document, 0).to_string()
    } else {
        json!({ "workflow": "sample", "steps": { "rest": { "activity": "Delay", "for": "1s", "end": true } } }).to_string()
    };
    Some((media.clone(), text))
}

/// A small value that fits a schema, as far as schemas of plain types tell.
fn sample(schema: &Value, document: &Value, depth: usize) -> Value {
    assert!(depth < 20, "a schema that refers to itself needs more than a required member: {schema}");
    let inner = |schema: &Value| sample(schema, document, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            document.pointer(reference.trim_start_matches('#')).expect("a reference within the document");
        return inner(target);
    }
    for name in ["const", "default"] {
        if let Some(value) = schema.get(name) {
            return value.clone();
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for name in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[name].get(0) {
            return inner(first);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str()).unwrap_or("object");
    match kind {
        "string" if schema["pattern"].is_string() => json!("standard"),
        "string" => json!("sample"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "array" => schema.get("items").map_or(json!([]), |items| json!([inner(items)])),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let members = required
                .iter()
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), inner(&schema["properties"][name])));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}
