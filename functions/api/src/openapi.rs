//! The OpenAPI 3.1 document, made from the routes and the types of their bodies and answers.

use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use toss_runtime::api::{Access, BodyFormat, ResourceDescription, RouteDescription};

const DESCRIPTION: &str = "Runs companies' processes as workflows. Errors are problem details (RFC 9457) whose \
`type` is `urn:toss:problem:<code>`. Lists page with `limit` and `cursor`. A `POST` may carry an \
`Idempotency-Key`: the same request with the same key is carried out once and answered the same for 24 hours.";

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi);

/// The document of this build, made once in a process.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// Makes the document.
#[must_use]
pub fn openapi() -> Value {
    let mut generator = generator();
    let resources = crate::resources(&mut generator);
    let mut paths: Map<String, Value> = Map::new();
    let mut tags = Vec::new();
    for resource in &resources {
        tags.push(json!({ "name": resource.handler, "description": resource.summary }));
        for (route, body, query, answer) in &resource.routes {
            let operation = operation(resource, route, body, query, answer.as_ref());
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            path[route.method.to_lowercase()] = operation;
        }
    }
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    schemas.insert("Problem".into(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "TOSS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": problem_response() },
            "headers": headers(),
            "parameters": { "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A key of your own for this request, 1 to 255 printable ASCII characters: sent again with it, the request is carried out once.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            } },
            "securitySchemes": { "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key of a client, or the operator's key.",
            } },
        },
        "security": [{ "key": [] }],
    })
}

/// Collects the schemas of named types where the document keeps them.
#[must_use]
pub fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

fn operation(
    resource: &ResourceDescription,
    route: &RouteDescription,
    body: &Schema,
    query: &Schema,
    answer: Option<&Schema>,
) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [resource.handler],
        "parameters": parameters(route, query),
        "responses": responses(route, answer),
    });
    match route.access {
        Access::Public => operation["security"] = json!([]),
        Access::Action(action) => operation["x-toss-action"] = json!(action),
    }
    let content = |media_types: &[&str], schema: &Value| {
        let content: Map<String, Value> =
            media_types.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect();
        json!({ "required": true, "content": content })
    };
    match route.body_format {
        BodyFormat::None => {}
        BodyFormat::Json => operation["requestBody"] = content(&["application/json"], body.as_value()),
        BodyFormat::Text(media) => operation["requestBody"] = content(media, &json!({})),
    }
    operation
}

/// `GET /v1/tenants/{id}` is `get_tenants_id`.
fn operation_id(route: &RouteDescription) -> String {
    let words = route.path.trim_start_matches("/v1/").split(['/', '.', '-']);
    let words: Vec<&str> = words.map(|word| word.trim_matches(['{', '}'])).collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

fn parameters(route: &RouteDescription, query: &Schema) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let required: Vec<&str> = query
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, schema) in query.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameters.push(parameter);
    }
    if route.idempotent && route.access != Access::Public {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    parameters
}

fn responses(route: &RouteDescription, answer: Option<&Schema>) -> Value {
    let title = http::StatusCode::from_u16(route.status).ok().and_then(|status| status.canonical_reason());
    let mut success =
        json!({ "description": title.unwrap_or("Success"), "headers": response_headers(route) });
    if let Some(schema) = answer {
        success["content"] = json!({ route.answer_media_type: { "schema": schema } });
    }
    json!({
        route.status.to_string(): success,
        "default": { "$ref": "#/components/responses/Problem" },
    })
}

fn response_headers(route: &RouteDescription) -> Value {
    let mut names = vec!["X-Request-Id"];
    if route.access != Access::Public {
        names.extend(["RateLimit-Policy", "RateLimit"]);
    }
    if route.idempotent && route.access != Access::Public {
        names.push("Idempotency-Replayed");
    }
    let headers: Map<String, Value> = names
        .into_iter()
        .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect();
    Value::Object(headers)
}

fn headers() -> Value {
    let header = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "X-Request-Id": header("Names the request in logs."),
        "RateLimit-Policy": header("The limit: `q` requests at once, refilled in `w` seconds."),
        "RateLimit": header("What is left: `r` requests now, all of them in `t` seconds."),
        "Idempotency-Replayed": header("`true` when this is the kept answer of an earlier request."),
        "Retry-After": header("Seconds to wait."),
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "description": "`urn:toss:problem:<code>`; it never changes its meaning." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened and what to do about it." },
            "instance": { "type": "string", "description": "The request's id." },
            "problems": {
                "type": "array",
                "description": "With 422: all that is wrong.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "message"],
                    "properties": {
                        "pointer": { "type": "string", "description": "JSON pointer of the place." },
                        "line": { "type": "integer" },
                        "column": { "type": "integer" },
                        "code": { "type": "string" },
                        "message": { "type": "string" },
                    },
                },
            },
        },
        "additionalProperties": true,
    })
}

fn problem_response() -> Value {
    json!({
        "description": "A refusal or failure.",
        "headers": {
            "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" },
            "Retry-After": { "$ref": "#/components/headers/Retry-After" },
        },
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}
