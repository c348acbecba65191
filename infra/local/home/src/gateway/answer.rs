//! A function's answer as the HTTP response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

/// Headers that the server itself writes.
const OF_THE_CONNECTION: &[&str] =
    &["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];

/// The response that a function's answer describes; `None` when it describes none, which is the function's
/// fault and a 502 to the caller.
pub(super) fn response(answer: &[u8]) -> Option<Response<Bytes>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let mut response = Response::new(body(&answer)?);
    *response.status_mut() = status(answer.get("statusCode")?)?;
    for (name, value) in answer.get("headers").and_then(Value::as_object).into_iter().flatten() {
        add(&mut response, name, value)?;
    }
    for (name, values) in answer.get("multiValueHeaders").and_then(Value::as_object).into_iter().flatten() {
        // Given both ways, the list says it all.
        response.headers_mut().remove(name.as_str());
        for value in values.as_array()? {
            add(&mut response, name, value)?;
        }
    }
    if !response.headers().contains_key("content-type") {
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    }
    Some(response)
}

fn status(code: &Value) -> Option<StatusCode> {
    let code = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    StatusCode::from_u16(u16::try_from(code).ok()?)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
}

fn body(answer: &Value) -> Option<Bytes> {
    let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    match answer.get("body") {
        None | Some(Value::Null) => Some(Bytes::new()),
        Some(Value::String(text)) if encoded => STANDARD.decode(text).ok().map(Bytes::from),
        Some(Value::String(text)) => Some(Bytes::from(text.clone())),
        Some(_) => None,
    }
}

fn add(response: &mut Response<Bytes>, name: &str, value: &Value) -> Option<()> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    let name = HeaderName::try_from(name).ok()?;
    if !OF_THE_CONNECTION.contains(&name.as_str()) {
        response.headers_mut().append(name, HeaderValue::try_from(text).ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = br#"{ "statusCode": 201, "headers": { "Location": "/v1/x", "Content-Length": "9" },
            "multiValueHeaders": { "Set-Cookie": ["a=1", "b=2"] }, "body": "aGk=", "isBase64Encoded": true }"#;
        let response = response(answer).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["location"], "/v1/x");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers().get("content-length"), None);
        assert_eq!(response.body().as_ref(), b"hi");
    }

    #[test]
    fn what_is_not_an_answer_is_none() {
        for malformed in [
            &b"null"[..],
            b"{}",
            b"not json",
            br#"{ "statusCode": 99 }"#,
            br#"{ "statusCode": "abc" }"#,
            br#"{ "statusCode": 200, "body": {} }"#,
            br#"{ "statusCode": 200, "body": "***", "isBase64Encoded": true }"#,
            b"{ \"statusCode\": 200, \"headers\": { \"a b\": \"x\" } }",
            b"{ \"statusCode\": 200, \"headers\": { \"a\": \"x\\r\\ny: z\" } }",
        ] {
            assert!(response(malformed).is_none(), "{}", String::from_utf8_lossy(malformed));
        }
    }
}
