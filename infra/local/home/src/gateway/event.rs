//! The event of the REST proxy integration, payload version 1.0.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::query::{Undecodable, parameters};
use super::route::Match;

/// What is known of a request beside the request itself.
pub(super) struct Arrival<'a> {
    pub(super) request_id: &'a str,
    pub(super) peer: SocketAddr,
    pub(super) at: Timestamp,
    pub(super) stage: &'a str,
    pub(super) port: u16,
}

/// A request that cannot become an event.
#[derive(Debug, PartialEq)]
pub(super) enum Unfit {
    /// Its query string.
    Query,
    /// Its body, which is neither text nor of a binary media type.
    Body,
}

/// The event of a request.
pub(super) fn event(
    parts: &Parts,
    body: &[u8],
    found: &Match<'_>,
    arrival: &Arrival<'_>,
    binary_media_types: &[String],
) -> Result<Value, Unfit> {
    let query = parameters(parts.uri.query().unwrap_or_default()).map_err(|Undecodable| Unfit::Query)?;
    let (body, encoded) = body_member(parts, body, binary_media_types)?;
    let headers = headers(parts, arrival);
    Ok(json!({
        "resource": found.template,
        "path": parts.uri.path(),
        "httpMethod": parts.method.as_str(),
        "headers": last_values(&headers),
        "multiValueHeaders": all_values(&headers),
        "queryStringParameters": last_values(&query),
        "multiValueQueryStringParameters": all_values(&query),
        "pathParameters": if found.parameters.is_empty() { Value::Null } else { json!(found.parameters) },
        "stageVariables": null,
        "requestContext": context(parts, found, arrival),
        "body": body,
        "isBase64Encoded": encoded,
    }))
}

fn context(parts: &Parts, found: &Match<'_>, arrival: &Arrival<'_>) -> Value {
    let Arrival { request_id, peer, at, stage, .. } = arrival;
    let host = header(&parts.headers, "host");
    let domain = host.split(':').next().unwrap_or_default();
    json!({
        "accountId": crate::template::ACCOUNT,
        "apiId": "local",
        "deploymentId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "extendedRequestId": request_id,
        "httpMethod": parts.method.as_str(),
        "identity": {
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": peer.ip().to_canonical().to_string(),
            "user": null,
            "userAgent": header(&parts.headers, "user-agent"),
            "userArn": null,
        },
        "path": format!("/{stage}{}", parts.uri.path()),
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestTime": at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "requestTimeEpoch": at.as_millisecond(),
        "resourceId": "local",
        "resourcePath": found.template,
        "stage": stage,
    })
}

/// The request's headers, and those that API Gateway adds. Those that speak of the connection stay behind.
fn headers(parts: &Parts, arrival: &Arrival<'_>) -> Vec<(String, String)> {
    const OF_THE_CONNECTION: &[&str] = &[
        "connection",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let mut headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()) && *name != "x-forwarded-for")
        .map(|(name, value)| (name.as_str().to_owned(), latin1(value.as_bytes())))
        .collect();
    let peer = arrival.peer.ip().to_canonical();
    let forwarded = header(&parts.headers, "x-forwarded-for");
    let forwarded = if forwarded.is_empty() { peer.to_string() } else { format!("{forwarded}, {peer}") };
    headers.push(("X-Forwarded-For".into(), forwarded));
    headers.push(("X-Forwarded-Port".into(), arrival.port.to_string()));
    headers.push(("X-Forwarded-Proto".into(), "http".into()));
    headers
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| latin1(value.as_bytes())).unwrap_or_default()
}

/// Header values are bytes; each becomes the character of its number.
fn latin1(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes)
        .map_or_else(|_| bytes.iter().map(|&byte| char::from(byte)).collect(), ToOwned::to_owned)
}

fn body_member(parts: &Parts, body: &[u8], binary_media_types: &[String]) -> Result<(Value, bool), Unfit> {
    if body.is_empty() {
        return Ok((Value::Null, false));
    }
    let kind = header(&parts.headers, "content-type");
    if is_binary(&kind, binary_media_types) {
        return Ok((json!(STANDARD.encode(body)), true));
    }
    std::str::from_utf8(body).map(|text| (json!(text), false)).map_err(|_| Unfit::Body)
}

fn is_binary(content_type: &str, binary_media_types: &[String]) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    binary_media_types.iter().any(|binary| match binary.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => kind.split('/').next() == Some(family),
        None => *binary == kind,
    })
}

fn last_values(pairs: &[(String, String)]) -> Value {
    if pairs.is_empty() {
        return Value::Null;
    }
    Value::Object(pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
}

fn all_values(pairs: &[(String, String)]) -> Value {
    if pairs.is_empty() {
        return Value::Null;
    }
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = all.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(json!(value));
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::Request;

    use super::*;

    fn event_of(request: Request<&[u8]>) -> Result<Value, Unfit> {
        let (parts, body) = request.into_parts();
        let found = Match {
            template: "/v1/tasks/{id}",
            function: "tasks",
            parameters: BTreeMap::from([("id".to_owned(), "tsk_1".to_owned())]),
        };
        let arrival = Arrival {
            request_id: "r-1",
            peer: "127.0.0.1:50000".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            stage: "live",
            port: 8080,
        };
        event(&parts, body, &found, &arrival, &["image/*".to_owned(), "application/pdf".to_owned()])
    }

    #[test]
    fn repeated_headers_and_parameters_keep_all_their_values() {
        let request = Request::get("/v1/tasks/tsk_1?a=1&a=2&b=%C3%A9")
            .header("x-one", "first")
            .header("x-one", "second")
            .header("connection", "keep-alive")
            .body(&b""[..])
            .unwrap();
        let event = event_of(request).unwrap();
        assert_eq!(event["headers"]["x-one"], "second");
        assert_eq!(event["multiValueHeaders"]["x-one"], json!(["first", "second"]));
        assert_eq!(event["queryStringParameters"], json!({ "a": "2", "b": "é" }));
        assert_eq!(event["multiValueQueryStringParameters"], json!({ "a": ["1", "2"], "b": ["é"] }));
        assert_eq!(event["headers"].get("connection"), None);
        assert_eq!(event["body"], Value::Null);
        assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
        assert_eq!(event["requestContext"]["requestTime"], "01/Jan/1970:00:00:00 +0000");
        assert_eq!(event["requestContext"]["path"], "/live/v1/tasks/tsk_1");
    }

    #[test]
    fn bodies_of_binary_media_types_travel_as_base64() {
        let request = |kind: &str, body: &'static [u8]| {
            Request::post("/v1/tasks/tsk_1").header("content-type", kind).body(body).unwrap()
        };
        let event = event_of(request("image/png", b"\xff\x00")).unwrap();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
        let event = event_of(request("application/json; charset=utf-8", b"{}")).unwrap();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        assert_eq!(event_of(request("application/json", b"\xff")), Err(Unfit::Body));
    }

    #[test]
    fn a_query_that_cannot_be_decoded_is_unfit() {
        let request = Request::get("/v1/tasks/tsk_1?a=%f").body(&b""[..]).unwrap();
        assert_eq!(event_of(request), Err(Unfit::Query));
    }
}
