//! Errors of the API: RFC 9457 problem details.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ProxyResponse;

/// A refusal or failure, as the caller gets it. `type` is `urn:toss:problem:<code>` and never changes its
/// meaning; `detail` is for people and says what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// The stable code, in kebab case.
    pub code: &'static str,
    /// What happened and what to do about it.
    pub detail: String,
    /// Further members, such as `limit` and `used`.
    pub members: Map<String, Value>,
    /// Further headers, such as `Retry-After`.
    pub headers: BTreeMap<String, String>,
}

impl Problem {
    /// A problem with this status and code.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), members: Map::new(), headers: BTreeMap::new() }
    }

    /// 400: the request itself cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, code, detail)
    }

    /// 401: no credential, or none that is valid.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(401, "unauthenticated", detail).with_header("WWW-Authenticate", "Bearer realm=\"toss\"")
    }

    /// 403: the principal may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", detail)
    }

    /// 404: there is no such thing, or it is another tenant's.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", format!("There is no such {what}."))
    }

    /// 409: the thing is not in a state that allows this.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(409, code, detail)
    }

    /// 422: understood, but it breaks rules; `problems` lists all of them.
    pub fn invalid(detail: impl Into<String>, problems: Value) -> Self {
        Self::new(422, "invalid", detail).with_member("problems", problems)
    }

    /// 500: our fault. The cause is logged here and not told.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = vec![cause.to_string()];
        let mut next = cause.source();
        while let Some(source) = next {
            causes.push(source.to_string());
            next = source.source();
        }
        tracing::error!(causes = ?causes, "request failed");
        Self::new(
            500,
            "internal",
            "The request failed on our side and was logged. Try again with the same Idempotency-Key.",
        )
    }

    /// 503: something the platform needs does not answer now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "unavailable", detail).with_header("Retry-After", "1")
    }

    /// Adds a member.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// The document's `type`.
    #[must_use]
    pub fn type_uri(&self) -> String {
        format!("urn:toss:problem:{}", self.code)
    }

    /// As a response.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> ProxyResponse {
        let title = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        let mut document = Map::new();
        document.insert("type".into(), json!(self.type_uri()));
        document.insert("title".into(), json!(title));
        document.insert("status".into(), json!(self.status));
        document.insert("detail".into(), json!(self.detail));
        document.insert("instance".into(), json!(request_id));
        document.extend(self.members);
        let mut headers = self.headers;
        headers.insert("Content-Type".into(), "application/problem+json".into());
        ProxyResponse {
            status_code: self.status,
            headers,
            body: Value::Object(document).to_string(),
            is_base64_encoded: false,
        }
    }
}
