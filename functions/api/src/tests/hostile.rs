//! Bodies, paths and queries that nobody should send: never a 5xx, never a hang.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_store::testing::Tables;

use super::{
    machines::Machines,
    support::{Api, Call, OPERATOR},
};

fn bodies() -> Vec<String> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let mut bodies: Vec<String> = [
        "", "{", "null", "true", "0", "[]", "\"\"", "{}", "1e999", "{\"a\":1e400}", "\u{feff}{}", "{\"name\":null}",
        "{\"name\":\"\\u0000\"}", "{\"name\":\"\\ud800\"}", "{\"name\":{\"name\":{}}}", "{\"name\":-1}",
        "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"a\",\"plan\":18446744073709551616}",
        "{\"input\":12345678901234567890123456789012345678901234567890}", "{\"input\":1e-400,\"name\":\"\\u202e\"}",
        "{\"limit\":1e308,\"scopes\":[[]],\"roles\":[\"operator\"]}", "{\"workflow\":\"pay\",\"steps\":[]}",
        "{\"name\":\"c\",\"type\":\"api\",\"roles\":[\"operator\"]}",
        "{\"name\":\"c\",\"type\":\"api\",\"rate_policy\":{\"rate\":0,\"burst\":4294967295}}",
        "{\"expires_in_seconds\":4294967295}", "{\"overlap_seconds\":-1}",
        "{\"workflow\":\"pay\",\"input\":{\"$ref\":\"#\"},\"steps\":{\"a\":{\"activity\":\"Delay\",\"for\":\"1s\"}}}",
        "a: &a [*a, *a]", "? ? ? ?", "{% %}", "workflow: \0", "!!python/object:os.system x",
    ]
    .map(str::to_owned)
    .to_vec();
    bodies.extend([deep("[", "]"), deep("{\"a\":", "}"), deep("- ", ""), "x".repeat(1 << 20)]);
    bodies.push(json!({ "name": "n".repeat(100_000) }).to_string());
    bodies.push(json!({ "name": "☃\u{301}\u{10ffff}", "input": "y".repeat(300_000) }).to_string());
    bodies.push(json!({ "name": "ok", "type": "api", "scopes": (0..5000).map(|n| n.to_string()).collect::<Vec<_>>() }).to_string());
    bodies
}

#[tokio::test]
async fn no_body_makes_any_route_fail() {
    let machines = Arc::new(Machines::default());
    let api = Api::on(&Tables::new().with_service("AWSStepFunctions", machines.service()));
    let (key, tenant) = api.tenant("One").await;
    let definition =
        json!({ "workflow": "pay", "steps": { "wait": { "activity": "Delay", "for": "1h", "end": true } } });
    assert_eq!(api.post(&key, "/v1/workflows", definition).await.status, 201);
    let execution = api.post(&key, "/v1/workflows/pay/executions", json!({})).await.text("/id");
    let client = api.get(&key, "/v1/clients").await.text("/items/0/id");
    let routes = [
        ("POST", "/v1/tenants".to_owned(), OPERATOR),
        ("PATCH", format!("/v1/tenants/{tenant}"), OPERATOR),
        ("POST", "/v1/clients".to_owned(), &key),
        ("POST", format!("/v1/clients/{client}/keys"), &key),
        ("POST", "/v1/workflows".to_owned(), &key),
        ("POST", "/v1/workflows/validate".to_owned(), &key),
        ("POST", "/v1/workflows/pay/executions".to_owned(), &key),
        ("POST", format!("/v1/executions/{execution}/cancel"), &key),
        ("POST", format!("/v1/executions/{execution}/redrive"), &key),
        ("POST", "/v1/templates/invoice-approval/instantiate".to_owned(), &key),
    ];
    for (method, path, key) in &routes {
        for body in bodies() {
            for media_type in [None, Some("application/json"), Some("application/yaml"), Some("text/html")] {
                let call = Call { key, media_type, ..Call::default() };
                let answer = api.call(method, path, call, Some(body.clone())).await;
                assert!(answer.status < 500, "{method} {path} {body:.80}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_path_or_query_makes_any_route_fail() {
    let machines = Arc::new(Machines::default());
    let api = Api::on(&Tables::new().with_service("AWSStepFunctions", machines.service()));
    let (key, _) = api.tenant("One").await;
    let long = "x".repeat(5000);
    let names =
        ["%00", "..", "\u{0}", "ten_01", "exe_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "é", " ", "*", "{id}", &long];
    for name in names {
        for path in [
            "/v1/tenants/{}",
            "/v1/clients/{}",
            "/v1/clients/{}/keys",
            "/v1/workflows/{}",
            "/v1/workflows/{}/asl",
            "/v1/workflows/{}/versions/{}",
            "/v1/executions/{}",
            "/v1/executions/{}/history",
            "/v1/templates/{}",
            "/v1/activities/{}",
        ] {
            let path = path.replace("{}", name);
            assert_eq!(api.get(&key, &path).await.status, 404, "{path:.80}");
        }
    }
    let queries = [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1e3",
        "limit=99999999999999999999",
        "cursor=x",
        "cursor=W10",
        "cursor=WyJhIiwiYiJd",
        "unknown=1",
        "status=",
        "workflow=\u{0}",
        "cursor=",
    ];
    for query in queries {
        for path in ["/v1/clients", "/v1/workflows", "/v1/executions"] {
            let answer = api.get(&key, &format!("{path}?{query}")).await;
            let fine = if path == "/v1/executions" && query.starts_with("workflow") { 200 } else { 400 };
            assert_eq!(answer.status, fine, "{path}?{query}: {answer:?}");
        }
    }
    let forged = ["[\"T#x\",\"y\"]", "[]", "[1]", "{}"].map(|text| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    });
    for cursor in forged {
        assert_eq!(api.get(&key, &format!("/v1/executions?cursor={cursor}")).await.status, 400);
    }
    let odd: Value = json!({});
    assert_eq!(api.post(&key, "/v1/tenants", odd).await.status, 403);
}
