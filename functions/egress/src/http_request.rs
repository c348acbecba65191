//! `HttpRequest`: one HTTP call, through the outbound guard.

mod call;
mod error;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_delivery::outbound::OutboundClient;
use toss_kernel::activity::{ActivitySpec, Idempotency, IdempotencyLevel, Wait};
use toss_runtime::{Activity, ActivityCall, ConfigurationError, Grant, Platform};

use self::error::HttpRequestError;

/// Makes HTTP calls.
pub struct HttpRequest {
    client: OutboundClient,
}

/// What a step passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The method.
    method: HttpMethod,
    /// An absolute http or https URL.
    #[schemars(length(min = 1, max = 2048))]
    url: String,
    /// Headers by name. Those that frame the message, such as `Host`, cannot be set.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Query parameters by name, added to the URL's own.
    #[serde(default)]
    query: BTreeMap<String, Scalar>,
    /// The body: a text is sent as it is, anything else as JSON. None when null.
    #[serde(default)]
    body: Value,
    /// How long the call may take, with all redirects. 30 when not given.
    #[serde(default = "thirty")]
    #[schemars(range(min = 1, max = 60))]
    timeout_seconds: u64,
    /// The statuses that are a success. 200 to 299 when not given.
    #[serde(default)]
    #[schemars(length(max = 100), inner(range(min = 100, max = 599)))]
    expect_status: Vec<u16>,
    /// Whether redirects are followed, at most 5; each one's address is checked anew.
    #[serde(default)]
    follow_redirects: bool,
}

const fn thirty() -> u64 {
    30
}

/// The methods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// A value that has one spelling in a query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
}

/// What the step's variable is bound to.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Answer {
    /// The response's status.
    status: u16,
    /// The response's headers, names in small letters, several of one name joined by commas.
    headers: BTreeMap<String, String>,
    /// The response's body: JSON where its content type says so, else a text; null when there is none.
    body: Value,
    /// `base64` when the body is neither JSON nor UTF-8 text, and is given in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

impl Activity for HttpRequest {
    const TYPE: &'static str = "HttpRequest";
    const GRANTS: &'static [Grant] = &[Grant::CallOutside];
    type Parameters = Parameters;
    type Output = Answer;
    type Error = HttpRequestError;

    fn describe() -> ActivitySpec {
        ActivitySpec {
            activity_type: Self::TYPE.into(),
            title: "HTTP request".into(),
            description: "Makes an HTTP call. Private and metadata addresses are refused, on redirects too. \
                Calls that change something carry an `Idempotency-Key`, the same at every attempt of the step, \
                unless the step sets one."
                .into(),
            parameters: Value::Null,
            result: Value::Null,
            errors: Vec::new(),
            wait: Wait::RequestResponse,
            timeout: "90s".parse().ok(),
            retry: Default::default(),
            idempotency: Idempotency {
                level: IdempotencyLevel::Counterpart,
                statement: "A call that is tried again reaches the counterpart again, with the same `Idempotency-Key` \
                    (`<execution>/<step>/<time of entry>`, or the one that the step sets): a counterpart that knows \
                    the header does nothing twice."
                    .into(),
            },
            meters: vec!["network".into(), "bandwidth".into(), "api_requests".into()],
            takes: Vec::new(),
            example: json!({
                "activity": "HttpRequest",
                "with": { "method": "POST", "url": "https://bank.example/payments", "body": "{% $input.invoice %}" },
                "end": true,
            }),
        }
    }

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self { client: OutboundClient::of(platform)? })
    }

    async fn run(&self, call: ActivityCall, parameters: Parameters) -> Result<Answer, HttpRequestError> {
        let request = call::request(&call, &parameters)?;
        let response = self.client.send(request).await?;
        call::answer(&parameters, &response)
    }
}

#[cfg(test)]
mod tests;
