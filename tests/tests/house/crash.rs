//! `kill -9` in the middle of a hundred executions: what was acknowledged is there and ends, and nothing is done twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};
use toss_audit::{VerifierKey, verify_consistency};

use crate::support::{
    client::Client,
    eventually,
    platform::Platform,
    receiver::Receiver,
    tenant::{Tenant, text},
};

const EXECUTIONS: usize = 102;
const ROUNDS: usize = 3;
/// The timers, which look for what a dead process left undone, run each minute.
const PATIENCE: Duration = Duration::from_secs(150);

fn definition(payments: &str) -> String {
    format!(
        r#"
workflow: mixed
input: {{ type: object, required: [kind] }}
steps:
  route:
    activity: Conditional
    cases:
      - {{ when: "{{% $input.kind = 'approve' %}}", next: ask }}
      - {{ when: "{{% $input.kind = 'delay' %}}", next: rest }}
    otherwise: pay
  ask:
    activity: UserApproval
    with: {{ title: "Pay {{% $input.number %}}?", assignees: [dana] }}
  decide:
    activity: Conditional
    cases: [{{ when: "{{% $ask.decision = 'approved' %}}", next: pay }}]
    otherwise: refuse
  refuse:
    fail: {{ error: Rejected }}
  rest:
    activity: Delay
    for: 3s
  pay:
    activity: HttpRequest
    with:
      method: POST
      url: "{payments}"
      headers: {{ Idempotency-Key: "{{% $execution.id %}}" }}
      body: {{ number: "{{% $input.number %}}" }}
    retry: {{ max: 8, interval: 1s, backoff: 1 }}
    end: true
"#
    )
}

/// What is known of one execution from answers alone.
#[derive(Debug, Clone, Default)]
struct Known {
    kind: &'static str,
    id: Option<String>,
    task: Option<String>,
    /// `approve` or `reject`, once the platform has said that it took it.
    decided: Option<&'static str>,
}

const KINDS: [&str; 3] = ["pay", "approve", "delay"];

async fn posted(client: &Client, path: &str, body: &Value) -> Result<Value, String> {
    let headers = [("content-type", "application/json")];
    let answer = client.request(Method::POST, path, &headers, Bytes::from(body.to_string())).await?;
    if answer.status < 300 { Ok(answer.json()) } else { Err(format!("{}: {}", answer.status, answer.text)) }
}

/// Starts executions by name until the platform is gone; a repeated name starts nothing anew.
async fn start(client: &Client, known: &mut [Known], first: usize) {
    let calls = known.iter().enumerate().filter(|(_, known)| known.id.is_none()).map(|(index, known)| {
        let (client, number) = (client.clone(), first + index);
        let body =
            json!({ "input": { "kind": known.kind, "number": number }, "name": format!("run-{number}") });
        async move { (index, posted(&client, "/v1/workflows/mixed/executions", &body).await) }
    });
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(6).collect().await;
    for (index, answer) in answers {
        known[index].id = answer.ok().map(|execution| text(&execution, "id"));
    }
}

/// Decides open tasks until the platform is gone, every fourth of them against the payment.
async fn decide(client: &Client, known: &mut [Known], most: usize) {
    let answer = client.request(Method::GET, "/v1/tasks?status=open&limit=100", &[], Bytes::new()).await;
    let Ok(tasks) = answer.map(|answer| answer.json()) else { return };
    let mut left = most;
    for task in tasks["items"].as_array().into_iter().flatten() {
        let execution = text(task, "execution_id");
        let Some(known) = known.iter_mut().find(|known| known.id.as_ref() == Some(&execution)) else {
            continue;
        };
        if left == 0 || known.decided.is_some() {
            continue;
        }
        left -= 1;
        let decision =
            if execution.as_bytes().last().is_some_and(|byte| byte % 4 == 0) { "reject" } else { "approve" };
        let id = text(task, "id");
        let path = format!("/v1/tasks/{id}/decision");
        if posted(client, &path, &json!({ "decision": decision, "as": "dana" })).await.is_ok() {
            known.decided = Some(decision);
        }
        known.task = Some(id);
    }
}

async fn checkpoint(client: &Client) -> String {
    eventually("a signed checkpoint", PATIENCE, async || {
        let answer = client.get("/v1/audit/checkpoint").await;
        (answer.status == 200 && size(&answer.text) > 0).then_some(answer.text)
    })
    .await
}

/// The second line of a checkpoint.
fn size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default()
}

/// The log of before is the beginning of the log of after.
async fn is_consistent(client: &Client, before: &str) {
    let key: VerifierKey = client.get("/v1/audit/key").await.expect(200).text.trim().parse().unwrap();
    let after = eventually("a larger checkpoint", PATIENCE, async || {
        let after = checkpoint(client).await;
        (size(&after) > size(before)).then_some(after)
    })
    .await;
    let path = format!("/v1/audit/consistency?from={}&to={}", size(before), size(&after));
    let proof = client.get(&path).await.expect(200).text;
    let head = verify_consistency(&proof, before, &key).unwrap();
    assert!(head.size >= size(&after), "{} after {}", head.size, size(&after));
}

/// Runs the rounds: start some, decide some, kill while both go on, start again.
async fn rounds(platform: &mut Platform, tenant: &Tenant, known: &mut [Known]) {
    let each = EXECUTIONS / ROUNDS;
    for round in 0..ROUNDS {
        let client = tenant.client.at(&platform.api);
        let (earlier, rest) = known.split_at_mut(round * each);
        let now = &mut rest[..each];
        let working = async {
            futures::join!(start(&client, now, round * each), decide(&client, earlier, 8));
        };
        // Another instruction each time, always before the work is done.
        let patience = Duration::from_millis(400 + 350 * u64::try_from(round).unwrap());
        let finished = tokio::time::timeout(patience, working).await.is_ok();
        platform.kill();
        println!("round {round}: killed {} the work was done", if finished { "after" } else { "before" });
        platform.restart();
        let client = tenant.client.at(&platform.api);
        for execution in known.iter().filter_map(|known| known.id.as_ref()) {
            client.get(&format!("/v1/executions/{execution}")).await.expect(200);
        }
        // Whoever got no answer asks again under the same name.
        for (chunk, known) in known[..(round + 1) * each].chunks_mut(each).enumerate() {
            start(&client, known, chunk * each).await;
        }
    }
}

/// How every execution ended.
async fn ends(client: &Client, known: &mut [Known]) -> BTreeMap<String, Value> {
    let mut ended = BTreeMap::new();
    eventually("the end of all executions", PATIENCE, async || {
        decide(client, known, usize::MAX).await;
        let open: Vec<String> =
            known.iter().filter_map(|known| known.id.clone()).filter(|id| !ended.contains_key(id)).collect();
        for id in open {
            let execution = client.get(&format!("/v1/executions/{id}")).await.ok();
            if execution["status"] != "running" {
                ended.insert(id, execution);
            }
        }
        (ended.len() == known.len()).then_some(())
    })
    .await;
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_platform_goes_on_where_it_was() {
    let (mut platform, receiver) = (Platform::start(), Receiver::start().await);
    receiver.slow_down(Duration::from_millis(300));
    let tenant = Tenant::sign_up(&platform, "Acme").await;
    tenant.register(&definition(&receiver.url("/payments"))).await;
    let before = checkpoint(&tenant.client).await;
    let mut known: Vec<Known> =
        (0..EXECUTIONS).map(|number| Known { kind: KINDS[number % 3], ..Known::default() }).collect();

    rounds(&mut platform, &tenant, &mut known).await;
    receiver.slow_down(Duration::ZERO);
    let client = tenant.client.at(&platform.api);
    let started: BTreeSet<&String> = known.iter().filter_map(|known| known.id.as_ref()).collect();
    assert_eq!(started.len(), EXECUTIONS, "every name is one execution");
    let ended = ends(&client, &mut known).await;

    let mut paid = BTreeSet::new();
    for known in &known {
        let id = known.id.clone().unwrap();
        let execution = &ended[&id];
        // A decision whose answer was lost may have been taken or not; one that was acknowledged counts.
        let expected = match (known.kind, known.decided) {
            ("approve", Some("reject")) => "failed",
            ("approve", None) => execution["status"].as_str().unwrap(),
            _ => "succeeded",
        };
        assert_eq!(execution["status"], expected, "{known:?}: {execution}");
        if expected == "failed" {
            assert_eq!(execution["error"], "Rejected", "{known:?}: {execution}");
        } else {
            paid.insert(id);
        }
    }
    let payments = receiver.by_key(&Method::POST, "/payments");
    let keys: BTreeSet<String> = payments.keys().cloned().collect();
    assert_eq!(keys, paid, "one payment for each execution that ended well, and no other");
    for (key, bodies) in &payments {
        assert!(
            bodies.iter().all(|body| body == &bodies[0]),
            "{key}: a repeated payment is the same payment: {bodies:?}"
        );
    }
    let repeated = payments.values().filter(|bodies| bodies.len() > 1).count();
    println!("{} payments, {repeated} of them sent again under their key", payments.len());
    is_consistent(&client, &before).await;
}
