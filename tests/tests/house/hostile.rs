//! What an attacker or a broken client sends: every route answers it, soon, and never blames itself.

mod sockets;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Client},
    openapi::{Route, routes},
    platform::Platform,
    tenant::{Tenant, text},
};

/// Within this everything is answered, on a busy machine too.
const SOON: Duration = Duration::from_secs(5);

/// One hostile request.
struct Attempt {
    what: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    /// Statuses that are right; any below 500 when empty.
    right: &'static [u16],
}

/// What stands where an id or a name should.
fn hostile_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "%00",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5c",
        "%ff%fe",
        "%zz",
        "%",
        "%E2%80%AE",
        "a%2Fb",
        "*",
        "'%20OR%20'1'='1",
        "%3Cscript%3E",
        "-1",
        "0",
        "null",
        "undefined",
        "%F0%9F%92%A5",
        "T%23ten_",
        "exe_",
        "exe_0",
        "exe_00000000000000000000000000",
        "ten_ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "tsk_80000000000000000000000000",
        "%20",
    ]
    .map(str::to_owned)
    .to_vec();
    ids.push("a".repeat(2000));
    ids.push(format!("exe_{}", "0".repeat(4000)));
    ids
}

/// Bodies that no route should choke on.
fn hostile_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str, inner: &str| {
        format!("{}{inner}{}", open.repeat(100_000), close.repeat(100_000))
    };
    let many = (0..50_000).fold(String::from("{\"a\":0"), |mut text, number| {
        let _ = write!(text, ",\"k{number}\":{number}");
        text
    }) + "}";
    vec![
        ("empty", Vec::new()),
        ("no JSON", b"hello".to_vec()),
        ("half JSON", b"{\"name\": ".to_vec()),
        ("two documents", b"{}{}".to_vec()),
        ("deep lists", deep("[", "]", "").into_bytes()),
        ("deep objects", deep("{\"a\":", "}", "1").into_bytes()),
        ("unclosed lists", "[".repeat(100_000).into_bytes()),
        ("a huge number", b"{\"input\": 1e999999, \"limit\": 123456789012345678901234567890}".to_vec()),
        ("a long number", format!("{{\"input\": {}}}", "9".repeat(100_000)).into_bytes()),
        ("NUL", b"{\"name\": \"a\\u0000b\"}".to_vec()),
        ("a raw NUL", b"{\"name\": \"a\0b\"}".to_vec()),
        ("a lone surrogate", b"{\"name\": \"\\ud800\"}".to_vec()),
        ("a swapped surrogate", b"{\"name\": \"\\udc00\\ud800\"}".to_vec()),
        ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"text\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a doubled member", b"{\"name\": \"a\", \"name\": \"b\"}".to_vec()),
        ("an unknown member", b"{\"__proto__\": {\"admin\": true}, \"tenant\": \"ten_\"}".to_vec()),
        ("many members", many.into_bytes()),
        ("a long text", format!("{{\"name\": \"{}\"}}", "a".repeat(1_000_000)).into_bytes()),
        ("a direction override", "{\"name\": \"\u{202e}gpj.exe\", \"plan\": \"a b\"}".as_bytes().to_vec()),
    ]
}

/// A fitting body with each member in turn of a wrong type or size.
fn spoiled(body: &str) -> Vec<Vec<u8>> {
    let Ok(Value::Object(members)) = serde_json::from_str(body) else { return Vec::new() };
    let wrong = [
        json!(null),
        json!(-1),
        json!(1e308),
        json!(true),
        json!([[[]]]),
        json!({ "a": {} }),
        json!(""),
        json!("a".repeat(300_000)),
        json!("\u{0}"),
    ];
    let names: Vec<String> = members.keys().cloned().collect();
    let each = names.iter().flat_map(|name| {
        wrong.iter().map(|value| {
            let mut members = members.clone();
            members[name] = value.clone();
            Value::Object(members).to_string().into_bytes()
        })
    });
    each.collect()
}

/// Every hostile request to one route, as a holder of a valid key.
fn attempts(route: &Route) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let path = route.with(|name| if name == "name" { "sample".into() } else { format!("{name}_01") });
    let (media, fitting) = route.body.clone().unwrap_or_default();
    let mut add = |what: String,
                   path: String,
                   headers: &[(&'static str, &str)],
                   body: Vec<u8>,
                   right: &'static [u16]| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        attempts.push(Attempt {
            what,
            method: route.method.clone(),
            path,
            headers,
            body: body.into(),
            right,
        });
    };
    let usual: &[(&'static str, &str)] = if route.body.is_some() { &[("content-type", &media)] } else { &[] };
    for parameter in route.parameters() {
        for id in hostile_ids() {
            let path = route.with(|name| if name == parameter { id.clone() } else { "sample".into() });
            add(format!("'{id:.60}' as {parameter}"), path, usual, fitting.clone().into_bytes(), &[]);
        }
    }
    let queries = [
        "?limit=0",
        "?limit=-1",
        "?limit=99999999999999999999",
        "?limit=abc",
        "?limit=1&limit=2",
        "?limit=",
        "?cursor=",
        "?cursor=AAAA",
        "?cursor=%00",
        "?cursor=..%2f..",
        "?unknown=1",
        "?%zz=1",
        "?=",
        "?&&&",
        "?a[]=1&a[]=2",
        "?limit=%ff",
        "?from=-1&to=99999999999999999999",
    ];
    for query in queries {
        add(query.into(), format!("{path}{query}"), usual, fitting.clone().into_bytes(), &[]);
    }
    for name in &route.query {
        for value in ["", "%00", "-1", "99999999999999999999", "a,b", "%F0%9F%92%A5", &"a".repeat(3000)] {
            add(
                format!("{name}={value:.40}"),
                format!("{path}?{name}={value}"),
                usual,
                fitting.clone().into_bytes(),
                &[],
            );
        }
    }
    add(
        "a long query".into(),
        format!("{path}?cursor={}", "a".repeat(8000)),
        usual,
        fitting.clone().into_bytes(),
        &[],
    );
    if route.body.is_some() {
        for (what, body) in hostile_bodies() {
            add(what.to_owned(), path.clone(), usual, body, &[]);
        }
        for body in spoiled(&fitting) {
            add(format!("{:.80}", String::from_utf8_lossy(&body)), path.clone(), usual, body, &[]);
        }
        for media in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "multipart/form-data",
            "a/b/c",
            "*/*",
        ] {
            add(
                format!("as '{media}'"),
                path.clone(),
                &[("content-type", media)],
                fitting.clone().into_bytes(),
                &[],
            );
        }
        add("no media type".into(), path.clone(), &[], fitting.clone().into_bytes(), &[]);
        add("11 MB".into(), path.clone(), usual, vec![b'a'; 11 << 20], &[413]);
    }
    for key in ["", " ", "a b", &"k".repeat(256), "\u{7f}"] {
        let headers = [("content-type", media.as_str()), ("idempotency-key", key)];
        add(
            format!("the idempotency key '{key:.20}'"),
            path.clone(),
            &headers,
            fitting.clone().into_bytes(),
            &[],
        );
    }
    let long = "h".repeat(11_000);
    add("long headers".into(), path.clone(), &[("x-long", &long)], fitting.clone().into_bytes(), &[400, 431]);
    if route.action.is_some() {
        credentials(route, &path, &media, &fitting, &mut add);
    }
    attempts
}

type Add<'a> = dyn FnMut(String, String, &[(&'static str, &str)], Vec<u8>, &'static [u16]) + 'a;

/// Credentials that open nothing.
fn credentials(_: &Route, path: &str, media: &str, body: &str, add: &mut Add<'_>) {
    let long = format!("Bearer {}", "a".repeat(5000));
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "bearer toss_local_",
        "Bearer toss_local_key_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcGVyYXRvciJ9.",
        "Bearer \u{7f}",
        long.as_str(),
        "Bearer a b c",
        "Digest username=\"operator\"",
    ];
    for credential in wrong {
        let headers = [("content-type", media), ("authorization", credential)];
        add(
            format!("the credential '{credential:.40}'"),
            path.to_owned(),
            &headers,
            body.as_bytes().to_vec(),
            &[400, 401, 404],
        );
    }
}

/// Why an answer is not right; none when it is.
fn fault(attempt: &Attempt, outcome: Result<Answer, String>, took: Duration) -> Option<String> {
    let what = format!("{} {:.120} with {}", attempt.method, attempt.path, attempt.what);
    let answer = match outcome {
        Ok(answer) => answer,
        // Too large a body may be refused before it has been sent, or not be taken by the client at all.
        Err(_)
            if attempt.right.contains(&413)
                || attempt.headers.iter().any(|(_, value)| value.contains('\u{7f}')) =>
        {
            return None;
        }
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

async fn faults(client: &Client, attempts: Vec<Attempt>) -> Vec<String> {
    let outcomes = attempts.into_iter().map(|attempt| {
        let client = client.clone();
        async move {
            let headers: Vec<(&str, &str)> =
                attempt.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let began = Instant::now();
            let outcome =
                client.request(attempt.method.clone(), &attempt.path, &headers, attempt.body.clone()).await;
            fault(&attempt, outcome, began.elapsed())
        }
    });
    stream::iter(outcomes).buffer_unordered(8).filter_map(std::future::ready).collect().await
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
    let client = tireless(&tenant).await;
    let routes = routes(&platform).await;
    let attempts: Vec<Attempt> = routes.iter().flat_map(attempts).collect();
    let count = attempts.len();
    let began = Instant::now();
    let faults = faults(&client, attempts).await;
    println!("{count} hostile requests to {} routes in {:?}", routes.len(), began.elapsed());
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
    platform.operator().get("/v1/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_methods_and_unknown_paths_are_told_as_such() {
    let platform = Platform::start();
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    let known = routes(&platform).await;
    for path in known.iter().map(|route| route.path.as_str()).collect::<std::collections::BTreeSet<_>>() {
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
