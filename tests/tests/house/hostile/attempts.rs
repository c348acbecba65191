//! The table of hostile requests.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::support::{openapi::Route, things::Things};

/// One hostile request.
pub(super) struct Attempt {
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Statuses that are right; any below 500 when empty.
    pub(super) right: &'static [u16],
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

/// Queries of lists that make no sense.
const QUERIES: [&str; 17] = [
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

/// Every hostile request to one route, as a holder of a valid key.
pub(super) fn attempts(route: &Route, things: &Things) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    // What is there is asked for more than its absence; but what would end it is tried on nothing.
    let spared = route.method == Method::DELETE || route.path.ends_with("/cancel");
    let shared = route.path.starts_with("/v1/activities") || route.path.starts_with("/v1/templates");
    let path = route.with(|name| match name {
        "id" if route.path.starts_with("/v1/templates") => "invoice-approval".into(),
        _ if spared || shared => "sample".into(),
        _ => things.value(route, name),
    });
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
    for query in QUERIES {
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
        bodies(&path, usual, &fitting, &mut add);
    }
    for key in ["", " ", "a b", &"k".repeat(256), "a\tb"] {
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
        credentials(&path, &media, &fitting, &mut add);
    }
    attempts
}

type Add<'a> = dyn FnMut(String, String, &[(&'static str, &str)], Vec<u8>, &'static [u16]) + 'a;

/// Bodies that do not fit, under the right media type, and a fitting one under others.
fn bodies(path: &str, usual: &[(&'static str, &str)], fitting: &str, add: &mut Add<'_>) {
    for (what, body) in hostile_bodies() {
        add(what.to_owned(), path.to_owned(), usual, body, &[]);
    }
    for body in spoiled(fitting) {
        add(format!("{:.80}", String::from_utf8_lossy(&body)), path.to_owned(), usual, body, &[]);
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
            path.to_owned(),
            &[("content-type", media)],
            fitting.as_bytes().to_vec(),
            &[],
        );
    }
    add("no media type".into(), path.to_owned(), &[], fitting.as_bytes().to_vec(), &[]);
    add("11 MB".into(), path.to_owned(), usual, vec![b'a'; 11 << 20], &[413]);
}

/// Credentials that open nothing.
fn credentials(path: &str, media: &str, body: &str, add: &mut Add<'_>) {
    let long = format!("Bearer {}", "a".repeat(5000));
    let wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "bearer toss_local_",
        "Bearer toss_local_key_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcGVyYXRvciJ9.",
        "Bearer \ta",
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
