//! An API in memory, called as API Gateway calls it.

use std::{collections::BTreeMap, sync::Arc};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use toss_kernel::ManualClock;
use toss_runtime::{Function, InvocationContext, Platform};
use toss_store::testing::Tables;

pub(crate) const OPERATOR: &str = "operator-key";

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{pointer} in {self:?}"))
            .to_owned()
    }
}

/// All functions of the API.
pub(crate) struct Api {
    functions: BTreeMap<&'static str, Arc<dyn Function>>,
    routes: Vec<(String, &'static str, &'static str)>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) platform: Platform,
}

/// One request.
#[derive(Default, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) key: &'a str,
    pub(crate) idempotency: Option<&'a str>,
    pub(crate) media_type: Option<&'a str>,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::on(&Tables::new())
    }

    pub(crate) fn on(tables: &Tables) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-22T12:00:00Z".parse().unwrap()));
        let hex: String =
            digest(&SHA256, OPERATOR.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let settings = [
            ("TOSS_OPERATOR_KEY_SHA256", hex.as_str()),
            ("TOSS_OUTBOUND_ALLOW", "127.0.0.1"),
            ("TOSS_WEBHOOKS_QUEUE_URL", "http://localhost/webhooks"),
        ];
        let platform = tables.platform_with(Arc::<ManualClock>::clone(&clock), &settings);
        let functions = crate::functions()
            .iter()
            .map(|definition| (definition.handler, definition.start(&platform).unwrap()))
            .collect();
        let mut generator = crate::openapi::generator();
        let routes = crate::resources(&mut generator)
            .iter()
            .flat_map(|resource| {
                resource.routes.iter().map(|(route, ..)| (route.method.clone(), route.path, resource.handler))
            })
            .collect();
        Self { functions, routes, clock, platform }
    }

    /// A tenant's administrator's key, and the tenant's id.
    pub(crate) async fn tenant(&self, name: &str) -> (String, String) {
        let answer = self.post(OPERATOR, "/v1/tenants", json!({ "name": name })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        (answer.text("/api_key"), answer.text("/id"))
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Answer {
        self.call("GET", path, Call { key, ..Call::default() }, None).await
    }

    pub(crate) async fn delete(&self, key: &str, path: &str) -> Answer {
        self.call("DELETE", path, Call { key, ..Call::default() }, None).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        self.call("POST", path, Call { key, ..Call::default() }, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, key: &str, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Call { key, ..Call::default() }, Some(body.to_string())).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        call: Call<'_>,
        body: Option<String>,
    ) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let candidates = self
            .routes
            .iter()
            .filter(|(known, ..)| known == method)
            .filter_map(|route| Some((route, matches(route.1, path)?)));
        let Some(((_, resource, handler), parameters)) =
            candidates.min_by_key(|(_, parameters)| parameters.len())
        else {
            panic!("no route for {method} {path}");
        };
        let mut headers = json!({});
        if !call.key.is_empty() {
            headers["Authorization"] = json!([format!("Bearer {}", call.key)]);
        }
        for (name, value) in [("Idempotency-Key", call.idempotency), ("Content-Type", call.media_type)] {
            if let Some(value) = value {
                headers[name] = json!([value]);
            }
        }
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query: BTreeMap<&str, Vec<&str>> = pairs.map(|(name, value)| (name, vec![value])).collect();
        let event = json!({
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "multiValueHeaders": headers,
            "multiValueQueryStringParameters": query,
            "pathParameters": parameters,
            "requestContext": { "requestId": "req_test", "identity": { "sourceIp": "192.0.2.1" } },
            "body": body,
            "isBase64Encoded": false,
        });
        let context = InvocationContext {
            request_id: "r".into(),
            received: self.platform.clock.now(),
            deadline: jiff::Timestamp::MAX,
            trace_id: None,
        };
        let answer = self.functions[handler].invoke(event, &context).await.unwrap();
        let text = answer["body"].as_str().unwrap_or_default();
        Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: serde_json::from_value(answer["headers"].clone()).unwrap(),
            body: serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        }
    }
}

fn matches(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let mut parameters = BTreeMap::new();
    for (part, given) in template.iter().zip(&path) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => drop(parameters.insert(name.to_owned(), (*given).to_owned())),
            None if part == given => {}
            None => return None,
        }
    }
    (template.len() == path.len()).then_some(parameters)
}
