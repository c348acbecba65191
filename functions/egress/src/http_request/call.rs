//! From a step's parameters to a request, and from a response to the step's result.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, header};
use serde_json::Value;
use toss_delivery::outbound::{OutboundRequest, OutboundResponse};
use toss_runtime::ActivityCall;
use url::Url;

use super::{Answer, HttpMethod, HttpRequestError, Parameters, Scalar};

/// The most headers of a request, and the most bytes of all of them.
const MOST_HEADERS: usize = 50;
const LARGEST_HEADERS: usize = 16 * 1024;

/// The most redirects.
const MOST_REDIRECTS: u8 = 5;

/// The largest body that is read. With its headers it must stay below the 256 KiB of a state's data.
const LARGEST_BODY: usize = 200 * 1024;

/// The largest result as JSON.
const LARGEST_RESULT: usize = 240 * 1024;

/// What of an unexpected answer is told.
const EXCERPT: usize = 300;

/// What is kept of the invocation's time for the answer.
const RESERVE: Duration = Duration::from_secs(1);

/// The request that the parameters ask for.
pub(super) fn request(
    call: &ActivityCall,
    parameters: &Parameters,
) -> Result<OutboundRequest, HttpRequestError> {
    let invalid = |sentence: String| Err(HttpRequestError::InvalidParameters(sentence));
    let mut url = match Url::parse(&parameters.url) {
        Ok(url) if parameters.url.len() <= 2048 => url,
        Ok(_) => return invalid("The parameter 'url' is longer than 2048 characters".into()),
        Err(error) => return invalid(format!("The parameter 'url' is not an absolute URL: {error}")),
    };
    if !(1..=60).contains(&parameters.timeout_seconds) {
        return invalid("The parameter 'timeout_seconds' must be from 1 to 60".into());
    }
    if parameters.expect_status.iter().any(|status| !(100..=599).contains(status)) {
        return invalid("The parameter 'expect_status' must hold numbers from 100 to 599".into());
    }
    let size: usize = parameters.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if parameters.headers.len() > MOST_HEADERS || size > LARGEST_HEADERS {
        return invalid(format!(
            "The parameter 'headers' has more than {MOST_HEADERS} headers or {LARGEST_HEADERS} bytes"
        ));
    }
    for (name, value) in &parameters.query {
        let value = match value {
            Scalar::Text(text) => text.clone(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Boolean(boolean) => boolean.to_string(),
        };
        url.query_pairs_mut().append_pair(name, &value);
    }
    let (body, media_type) = match &parameters.body {
        Value::Null => (String::new(), None),
        Value::String(text) => (text.clone(), Some("text/plain; charset=utf-8")),
        other => (other.to_string(), Some("application/json")),
    };
    let mut request = OutboundRequest::new(method(parameters.method), url);
    for (name, value) in &parameters.headers {
        request = request.header(name, value)?;
    }
    if let Some(media_type) = media_type.filter(|_| !request.headers.contains_key(header::CONTENT_TYPE)) {
        request = request.header("content-type", media_type)?;
    }
    let changes = !matches!(parameters.method, HttpMethod::Get | HttpMethod::Head | HttpMethod::Options);
    if changes && !request.headers.contains_key("idempotency-key") {
        request = request.header("idempotency-key", &idempotency_key(call))?;
    }
    request.body = body.into();
    request.timeout = Duration::from_secs(parameters.timeout_seconds).min(left(call));
    request.largest_response = LARGEST_BODY;
    request.redirects = if parameters.follow_redirects { MOST_REDIRECTS } else { 0 };
    Ok(request)
}

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
    }
}

/// The same for all attempts of one entry of the step. A step's name may hold what a header may not; then the
/// key is the id derived from all of it.
fn idempotency_key(call: &ActivityCall) -> String {
    let key = call.idempotency_key();
    let fits = key.len() <= 255 && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if fits { key } else { call.derived("idempotency-key").to_string() }
}

/// The time until this invocation is cut off, so that a timeout is told by its own name.
fn left(call: &ActivityCall) -> Duration {
    let left = Duration::try_from(call.deadline.duration_since(call.received)).unwrap_or_default();
    left.saturating_sub(RESERVE).max(RESERVE)
}

/// The step's result.
pub(super) fn answer(
    parameters: &Parameters,
    response: &OutboundResponse,
) -> Result<Answer, HttpRequestError> {
    let status = response.status.as_u16();
    let expected = match parameters.expect_status.as_slice() {
        [] => response.status.is_success(),
        some => some.contains(&status),
    };
    if !expected {
        return Err(unexpected(parameters, response));
    }
    let (body, encoding) = body(response);
    let answer = Answer { status, headers: headers(&response.headers), body, encoding };
    let size = serde_json::to_string(&answer).map_or(usize::MAX, |text| text.len());
    if size > LARGEST_RESULT {
        let host = response.url.host_str().unwrap_or_default();
        return Err(HttpRequestError::TooLarge(format!(
            "the answer of '{host}' makes a result of more than {LARGEST_RESULT} bytes"
        )));
    }
    Ok(answer)
}

fn unexpected(parameters: &Parameters, response: &OutboundResponse) -> HttpRequestError {
    // The query may hold what is not for the eyes of whoever reads the execution.
    let mut url = response.url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let text = String::from_utf8_lossy(&response.body);
    let excerpt: String = text.trim().chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
    let colon = if excerpt.is_empty() { "." } else { ": " };
    let method = method(parameters.method);
    let sentence = format!("{method} {url} answered {}{colon}{excerpt}", response.status);
    match response.status.as_u16() {
        429 => HttpRequestError::TooManyRequests(sentence),
        400..=499 => HttpRequestError::Status4xx(sentence),
        500..=599 => HttpRequestError::Status5xx(sentence),
        _ => HttpRequestError::UnexpectedStatus(sentence),
    }
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push_str(", ");
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

fn body(response: &OutboundResponse) -> (Value, Option<&'static str>) {
    let bytes = &response.body;
    if bytes.is_empty() {
        return (Value::Null, None);
    }
    let media_type = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json") || media_type.ends_with("+json");
    if let Some(json) = is_json.then(|| serde_json::from_slice(bytes).ok()).flatten() {
        return (json, None);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Value::from(text), None),
        Err(_) => (Value::from(STANDARD.encode(bytes)), Some("base64")),
    }
}
