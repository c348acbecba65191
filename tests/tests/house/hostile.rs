//! What an attacker or a broken client sends: every route answers it, soon, and never blames itself.

mod attempts;
mod sockets;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Method;
use serde_json::json;

use self::attempts::{Attempt, attempts};
use crate::support::{
    client::{Answer, Client},
    openapi::{Route, routes},
    platform::Platform,
    receiver::Receiver,
    tenant::{Tenant, text},
    things::Things,
};

/// Within this everything is answered, on a busy machine too.
const SOON: Duration = Duration::from_secs(5);

/// Why an answer is not right; none when it is.
fn fault(attempt: &Attempt, outcome: Result<Answer, String>, took: Duration) -> Option<String> {
    let what = format!("{} {:.120} with {}", attempt.method, attempt.path, attempt.what);
    let answer = match outcome {
        Ok(answer) => answer,
        // Too large a body may be refused before all of it has been sent.
        Err(_) if attempt.right.contains(&413) => return None,
        Err(error) => return Some(format!("{what}: {error}")),
    };
    let told = format!("{what}: {} {:.300}", answer.status, answer.text);
    if took > SOON {
        return Some(format!("{told} after {took:?}"));
    }
    if answer.status >= 500 || (!attempt.right.is_empty() && !attempt.right.contains(&answer.status)) {
        return Some(told);
    }
    if answer.status >= 400 && attempt.method != Method::HEAD {
        let problem = answer.json();
        let whole = answer.header("content-type").starts_with("application/problem+json")
            && problem["status"] == answer.status
            && ["type", "title", "detail"]
                .iter()
                .all(|name| problem[name].as_str().is_some_and(|text| !text.is_empty()));
        if !whole {
            return Some(format!("{told}: no whole problem document"));
        }
    }
    None
}

/// Makes the requests and answers what is wrong, counting the statuses.
async fn attack(client: &Client, attempts: Vec<Attempt>, statuses: &mut BTreeMap<u16, usize>) -> Vec<String> {
    let outcomes = attempts.into_iter().map(|attempt| {
        let client = client.clone();
        async move {
            let headers: Vec<(&str, &str)> =
                attempt.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let began = Instant::now();
            let outcome =
                client.request(attempt.method.clone(), &attempt.path, &headers, attempt.body.clone()).await;
            let status = outcome.as_ref().map_or(0, |answer| answer.status);
            (status, fault(&attempt, outcome, began.elapsed()))
        }
    });
    let outcomes: Vec<_> = stream::iter(outcomes).buffer_unordered(8).collect().await;
    let count = |(status, fault): (u16, Option<String>)| {
        *statuses.entry(status).or_default() += 1;
        fault
    };
    outcomes.into_iter().filter_map(count).collect()
}

/// A client that the rate limit does not protect from its own requests.
async fn tireless(tenant: &Tenant) -> Client {
    let body = json!({
        "name": "fuzzer", "type": "service", "scopes": [], "roles": ["admin"], "rate_policy": { "rate": 100_000, "burst": 100_000 },
    });
    let client = text(&tenant.client.post("/v1/clients", &body).await.expect(201).json(), "id");
    let key = tenant.client.post(&format!("/v1/clients/{client}/keys"), &json!({})).await.expect(201).json();
    tenant.client.with_key(&text(&key, "key"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_every_hostile_request_with_a_problem_of_the_caller() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    let receiver = Receiver::start().await;
    let things = Things::make(&tenant, &receiver).await;
    let client = tireless(&tenant).await;
    let routes = routes(&platform).await;
    let (of_operator, of_tenants): (Vec<&Route>, Vec<&Route>) = routes
        .iter()
        .partition(|route| route.action.as_ref().is_some_and(|action| action.starts_with("tenants:")));
    let of = |routes: Vec<&Route>| {
        routes.into_iter().flat_map(|route| attempts(route, &things)).collect::<Vec<_>>()
    };
    let (of_operator, of_tenants) = (of(of_operator), of(of_tenants));
    let count = of_operator.len() + of_tenants.len();
    let began = Instant::now();
    let mut statuses = BTreeMap::new();
    let mut faults = attack(&client, of_tenants, &mut statuses).await;
    faults.extend(attack(&platform.operator(), of_operator, &mut statuses).await);
    println!("{count} hostile requests to {} routes in {:?}: {statuses:?}", routes.len(), began.elapsed());
    let met = |status| statuses.get(&status).copied().unwrap_or_default();
    assert!(
        met(200) > 50 && met(422) > 50 && met(413) > 10,
        "the requests do not reach the handlers: {statuses:?}"
    );
    assert!(met(429) * 20 < count, "the rate limit hides what is behind it: {statuses:?}");
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
    platform.operator().get("/v1/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_methods_and_unknown_paths_are_told_as_such() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    let known = routes(&platform).await;
    for path in known.iter().map(|route| route.path.as_str()).collect::<BTreeSet<_>>() {
        for method in ["TRACE", "CONNECTED", "PROPFIND", "PURGE"] {
            let method: Method = method.parse().unwrap();
            let answer = tenant
                .client
                .request(method.clone(), &path.replace(['{', '}'], ""), &[], Bytes::new())
                .await
                .unwrap();
            assert!(matches!(answer.status, 400 | 404 | 405 | 501), "{method} {path}: {}", answer.status);
        }
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/tenants",
        "/v1/tenants/../tenants",
        "//v1/health",
        "/v1/health/../../etc/passwd",
        "/v1/%2e%2e/health",
        "/v1/nothing",
    ] {
        let answer = tenant.client.get(path).await;
        assert!(matches!(answer.status, 400 | 401 | 403 | 404), "{path}: {} {}", answer.status, answer.text);
        assert!(answer.json()["type"].is_string(), "{path}: {}", answer.text);
    }
}
