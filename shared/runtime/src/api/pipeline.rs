//! The way of a request through a resource's Lambda.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use ring::digest;
use serde_json::Value;
use toss_kernel::{Principal, Secret, id::TenantId};

use super::{
    Access, Attempt, BodyFormat, Claim, Credential, Denial, Gate, Problem, ProxyEvent, ProxyResponse, Reply,
    Resource, Route, RouteDescription,
    request::{Caller, verified},
    route::RawRequest,
};
use crate::{Function, FunctionError, InvocationContext};

/// A resource behind its gate, as a Lambda function.
pub struct Pipeline<R> {
    resource: Arc<R>,
    routes: Vec<(RouteDescription, Route<R>)>,
    gate: Arc<dyn Gate>,
}

impl<R: Resource> Pipeline<R> {
    /// Puts the resource behind the gate.
    pub fn new(resource: R, gate: Arc<dyn Gate>) -> Self {
        let routes = R::routes().into_iter().map(|route| (route.describe(), route)).collect();
        Self { resource: Arc::new(resource), routes, gate }
    }

    /// Answers one request.
    pub async fn answer(&self, event: ProxyEvent) -> ProxyResponse {
        let request_id = event.request_context.request_id.clone();
        let mut response = match self.respond(&event).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(&request_id),
        };
        response.headers.entry("X-Request-Id".into()).or_insert(request_id);
        response.headers.entry("Cache-Control".into()).or_insert_with(|| "no-store".into());
        response.headers.entry("X-Content-Type-Options".into()).or_insert_with(|| "nosniff".into());
        response
    }

    async fn respond(&self, event: &ProxyEvent) -> Result<ProxyResponse, Problem> {
        let (description, route) = self.route(event)?;
        let (caller, limits) = self.caller(event, description).await?;
        let outcome = self.handle(event, description, route, caller, &limits).await;
        let mut response = match outcome {
            Ok(response) => response,
            Err(problem) => problem.into_response(&event.request_context.request_id),
        };
        response.headers.extend(limits);
        Ok(response)
    }

    fn route(&self, event: &ProxyEvent) -> Result<&(RouteDescription, Route<R>), Problem> {
        self.routes
            .iter()
            .find(|(route, _)| route.path == event.resource && route.method == event.http_method)
            .ok_or_else(|| {
                Problem::new(404, "no-route", "There is no such route; GET /v1/openapi.json lists them.")
            })
    }

    /// Authenticates, limits and authorises.
    async fn caller(
        &self,
        event: &ProxyEvent,
        route: &RouteDescription,
    ) -> Result<(Caller, BTreeMap<String, String>), Problem> {
        let source_ip = event.request_context.identity.source_ip.clone();
        let request_id = event.request_context.request_id.clone();
        let Access::Action(action) = route.access else {
            let principal = Principal {
                tenant: None,
                client: None,
                key: None,
                name: "anonymous".into(),
                roles: Default::default(),
                scopes: Default::default(),
            };
            let caller = Caller { principal, source_ip, request_id, action: "public", scope: None };
            return Ok((caller, BTreeMap::new()));
        };
        let bearer = bearer(event)?;
        let credential = Credential { bearer: Secret::new(bearer), source_ip: source_ip.clone() };
        let principal = self.gate.authenticate(&credential).await?;
        let admission = self.gate.admit(&principal, route).await?;
        if let Err(problem) = self.gate.authorise(&principal, action) {
            let path = event.path.as_str();
            self.gate.denied(Denial { principal: &principal, action, path, source_ip: &source_ip }).await;
            return Err(if names_another_tenant(event, &principal) {
                Problem::not_found("tenant")
            } else {
                problem
            });
        }
        let scope = principal.tenant.map(verified);
        Ok((Caller { principal, source_ip, request_id, action, scope }, admission.headers))
    }

    async fn handle(
        &self,
        event: &ProxyEvent,
        description: &RouteDescription,
        route: &Route<R>,
        caller: Caller,
        limits: &BTreeMap<String, String>,
    ) -> Result<ProxyResponse, Problem> {
        let bytes =
            event.bytes().ok_or_else(|| Problem::bad_request("bad-body", "The body is not valid Base64."))?;
        let media_type = media_type(event);
        let body = read_body(description.body_format, &media_type, &bytes)?;
        let idempotency_key = idempotency_key(event, description)?;
        let principal = caller.principal.clone();
        let mut raw = RawRequest {
            caller,
            body,
            query: single_values(event)?,
            idempotency_key: idempotency_key.clone(),
            seed: None,
            media_type,
            headers: headers(event),
            path: event.path_parameters.clone(),
        };
        let Some(key) = idempotency_key else {
            return self.run(route, raw).await;
        };
        let attempt = Attempt {
            principal: &principal,
            route: description,
            key: &key,
            fingerprint: fingerprint(event, &bytes),
        };
        match self.gate.claim(&attempt).await? {
            Claim::Answered(mut response) => {
                response.headers.insert("Idempotency-Replayed".into(), "true".into());
                return Ok(response);
            }
            Claim::Fresh(seed) => raw.seed = Some(seed),
        }
        let response = match self.run(route, raw).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(&event.request_context.request_id),
        };
        // What the limits say belongs to this request alone, not to the answer that is kept.
        debug_assert!(limits.keys().all(|name| !response.headers.contains_key(name)));
        self.gate.settle(&attempt, &response).await;
        Ok(response)
    }

    async fn run(&self, route: &Route<R>, raw: RawRequest) -> Result<ProxyResponse, Problem> {
        let Reply { status, body, mut headers } = (route.handler)(Arc::clone(&self.resource), raw).await?;
        // A handler that answers in another format says so in Content-Type and gives a string.
        let typed_text = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        let body = match body {
            None => String::new(),
            Some(Value::String(text)) if typed_text => text,
            Some(body) => body.to_string(),
        };
        if status != 204 && !typed_text {
            headers.insert("Content-Type".into(), "application/json".into());
        }
        Ok(ProxyResponse { status_code: status, headers, body, is_base64_encoded: false })
    }
}

/// Whether the path names a tenant that is not the caller's own: a refusal would tell that it exists.
fn names_another_tenant(event: &ProxyEvent, principal: &Principal) -> bool {
    let named = event.path_parameters.values().find_map(|value| value.parse::<TenantId>().ok());
    principal.tenant.is_some() && named.is_some_and(|named| principal.tenant != Some(named))
}

fn bearer(event: &ProxyEvent) -> Result<String, Problem> {
    let header = event
        .header("authorization")
        .ok_or_else(|| Problem::unauthenticated("Send 'Authorization: Bearer <api key>'."))?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim().to_owned())
        }
        _ => Err(Problem::unauthenticated("The Authorization header must be 'Bearer <api key>'.")),
    }
}

fn media_type(event: &ProxyEvent) -> String {
    let header = event.header("content-type").unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn headers(event: &ProxyEvent) -> BTreeMap<String, String> {
    event
        .multi_value_headers
        .iter()
        .filter_map(|(name, values)| Some((name.to_ascii_lowercase(), values.last()?.clone())))
        .collect()
}

fn single_values(event: &ProxyEvent) -> Result<Vec<(String, String)>, Problem> {
    event
        .multi_value_query_string_parameters
        .iter()
        .map(|(name, values)| match values.as_slice() {
            [value] => Ok((name.clone(), value.clone())),
            _ => Err(Problem::bad_request(
                "bad-query",
                format!("The query parameter '{name}' is given more than once."),
            )),
        })
        .collect()
}

fn read_body(format: BodyFormat, media_type: &str, bytes: &[u8]) -> Result<Value, Problem> {
    match format {
        BodyFormat::None if bytes.iter().all(u8::is_ascii_whitespace) || bytes == b"{}" => Ok(Value::Null),
        BodyFormat::None => Err(Problem::bad_request("bad-body", "This route takes no body.")),
        BodyFormat::Json => {
            if !(media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json")) {
                return Err(Problem::new(
                    415,
                    "unsupported-media-type",
                    "Send the body as application/json.",
                ));
            }
            // No body at all is an empty document: where every member is optional there is nothing to say.
            if bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Value::Object(serde_json::Map::new()));
            }
            serde_json::from_slice(bytes)
                .map_err(|error| Problem::bad_request("bad-body", format!("The body is not JSON: {error}.")))
        }
        BodyFormat::Text(accepted) => {
            if !media_type.is_empty() && !accepted.contains(&media_type) {
                let detail = format!("Send the body as one of: {}.", accepted.join(", "));
                return Err(Problem::new(415, "unsupported-media-type", detail));
            }
            String::from_utf8(bytes.to_vec())
                .map(Value::String)
                .map_err(|_| Problem::bad_request("bad-body", "The body is not UTF-8 text."))
        }
    }
}

fn idempotency_key(event: &ProxyEvent, route: &RouteDescription) -> Result<Option<String>, Problem> {
    let Some(key) =
        event.header("idempotency-key").filter(|_| route.idempotent && route.access != Access::Public)
    else {
        return Ok(None);
    };
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Ok(Some(key.to_owned()));
    }
    Err(Problem::bad_request(
        "bad-idempotency-key",
        "An Idempotency-Key has 1 to 255 printable ASCII characters and no spaces.",
    ))
}

fn fingerprint(event: &ProxyEvent, body: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let query = &event.multi_value_query_string_parameters;
    for part in [event.http_method.as_bytes(), event.path.as_bytes(), format!("{query:?}").as_bytes(), body] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

impl<R: Resource> Function for Pipeline<R> {
    fn invoke<'a>(
        &'a self,
        event: Value,
        _: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(async move {
            let event = serde_json::from_value(event).map_err(|error| {
                FunctionError::new("Gateway.BadEvent", format!("Not a REST proxy event: {error}"))
            })?;
            let response = self.answer(event).await;
            serde_json::to_value(response)
                .map_err(|error| FunctionError::new("Gateway.BadResponse", error.to_string()))
        })
    }
}
