//! What the gateway itself answers: problem documents for what a caller did wrong, API Gateway's own words for
//! what a function did.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// A refusal of the gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    NoRoute,
    Method(Vec<String>),
    Path,
    Query,
    Body,
    HeadersTooLarge,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    TimedOut,
    Malformed,
}

impl Refusal {
    /// The response to a caller.
    pub(super) fn response(&self) -> Response<Bytes> {
        use Refusal::{
            Body, BodyBroken, BodyTooLarge, BodyTooSlow, HeadersTooLarge, Malformed, Method, NoRoute, Path,
            Query, TimedOut,
        };
        let (status, code, detail) = match self {
            NoRoute => (404, "no-route", "There is no such route; GET /v1/openapi.json lists them."),
            Method(_) => {
                (405, "method-not-allowed", "The route does not know this method; Allow lists those it does.")
            }
            Path => (400, "malformed-path", "The path is not valid percent-encoded UTF-8."),
            Query => (400, "malformed-query", "The query string is not valid percent-encoded UTF-8."),
            Body => (400, "malformed-body", "The body is not UTF-8, and its media type is not a binary one."),
            HeadersTooLarge => (431, "headers-too-large", "All headers together may have 10,240 bytes."),
            BodyTooLarge => (413, "body-too-large", "A body may have 10 MB."),
            BodyTooSlow => (408, "body-too-slow", "The body did not arrive in time; send the request again."),
            BodyBroken => (400, "body-incomplete", "The body broke off; send the request again."),
            TimedOut => return plain(504, "Endpoint request timed out"),
            Malformed => return plain(502, "Internal server error"),
        };
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let document = json!({
            "type": format!("urn:toss:problem:{code}"),
            "title": title,
            "status": status,
            "detail": detail,
        });
        let mut response = build(status, document.to_string(), "application/problem+json");
        if let Method(allowed) = self
            && let Ok(allowed) = HeaderValue::try_from(allowed.join(", "))
        {
            response.headers_mut().insert("allow", allowed);
        }
        // What was not read to its end cannot be followed by another request.
        if matches!(self, BodyTooLarge | BodyTooSlow | BodyBroken) {
            response.headers_mut().insert("connection", HeaderValue::from_static("close"));
        }
        response
    }
}

fn plain(status: u16, message: &str) -> Response<Bytes> {
    build(status, json!({ "message": message }).to_string(), "application/json")
}

fn build(status: u16, body: String, content_type: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}
