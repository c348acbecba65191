//! REST proxy events, as API Gateway sends and expects them.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html>, payload version 1.0.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize};

/// A request as API Gateway passes it on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyEvent {
    /// The route's template, such as `/v1/tenants/{id}`.
    #[serde(default)]
    pub resource: String,
    /// The path as the caller wrote it.
    #[serde(default)]
    pub path: String,
    /// The method.
    pub http_method: String,
    /// Headers with all their values.
    #[serde(default, deserialize_with = "null_as_default")]
    pub multi_value_headers: BTreeMap<String, Vec<String>>,
    /// Query parameters with all their values, decoded.
    #[serde(default, deserialize_with = "null_as_default")]
    pub multi_value_query_string_parameters: BTreeMap<String, Vec<String>>,
    /// The values of the template's parameters, decoded.
    #[serde(default, deserialize_with = "null_as_default")]
    pub path_parameters: BTreeMap<String, String>,
    /// Who and when.
    #[serde(default)]
    pub request_context: RequestContext,
    /// The body, if there is one.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether the body is Base64.
    #[serde(default)]
    pub is_base64_encoded: bool,
}

/// What API Gateway knows of the request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestContext {
    /// The request's id.
    #[serde(default)]
    pub request_id: String,
    /// Where it comes from.
    #[serde(default)]
    pub identity: Identity,
}

/// Where a request comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The caller's address.
    #[serde(default)]
    pub source_ip: String,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl ProxyEvent {
    /// The last value of a header, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.multi_value_headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, values)| values.last())
            .map(String::as_str)
    }

    /// The body's bytes; `None` when it says it is Base64 and is not.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match &self.body {
            None => Some(Vec::new()),
            Some(body) if self.is_base64_encoded => STANDARD.decode(body).ok(),
            Some(body) => Some(body.clone().into_bytes()),
        }
    }
}

/// A response as API Gateway takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyResponse {
    /// HTTP status.
    pub status_code: u16,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// Whether the body is Base64.
    pub is_base64_encoded: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_with_nulls_is_read_as_api_gateway_means_it() {
        let event: ProxyEvent = serde_json::from_str(
            r#"{"httpMethod":"GET","multiValueHeaders":{"X-One":["a","b"]},"multiValueQueryStringParameters":null,
                "pathParameters":null,"body":null,"requestContext":{"requestId":"r"}}"#,
        )
        .unwrap();
        assert_eq!(event.header("x-one"), Some("b"));
        assert_eq!(event.bytes().unwrap(), b"");
    }
}
