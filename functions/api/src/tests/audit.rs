//! The audit log as its tenant reads it, and as an outsider verifies it.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::SignedDuration;
use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use toss_audit::{VerifierKey, merkle_log, verify_consistency, verify_inclusion};
use toss_kernel::{TenantScope, id::AuditEventId};
use toss_runtime::scope::of_platform_record;
use toss_store::{
    Store,
    audit::AuditRecord,
    testing::{Service, Tables},
};

use super::support::{Answer, Api, OPERATOR};

/// A key service that wraps nothing and signs with a key of the test's.
fn keys() -> Service {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    Arc::new(move |operation, request| match operation {
        "GenerateDataKey" => {
            let mut plaintext = [0; 32];
            SystemRandom::new().fill(&mut plaintext).unwrap();
            let plaintext = BASE64_STANDARD.encode(plaintext);
            Ok(json!({ "KeyId": "k", "Plaintext": plaintext, "CiphertextBlob": plaintext }))
        }
        "Decrypt" => Ok(json!({ "KeyId": "k", "Plaintext": request["CiphertextBlob"] })),
        "GetPublicKey" => {
            let spki = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
            let der = [&spki[..], key.public_key().as_ref()].concat();
            Ok(json!({ "PublicKey": BASE64_STANDARD.encode(der) }))
        }
        "Sign" => {
            let message = BASE64_STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
            Ok(json!({ "Signature": BASE64_STANDARD.encode(key.sign(&message)) }))
        }
        other => Err(("UnsupportedOperationException", other.to_owned())),
    })
}

struct World {
    api: Api,
    key: String,
    scope: TenantScope,
}

impl World {
    async fn new() -> Self {
        let api = Api::on(&Tables::new().with_service("TrentService", keys()));
        let (key, tenant) = api.tenant("One").await;
        Self { api, key, scope: of_platform_record(tenant.parse().unwrap()) }
    }

    async fn get(&self, path: &str) -> Answer {
        self.api.get(&self.key, path).await
    }

    /// Does something that is audited, a second after what was done before.
    async fn act(&self, name: &str) -> String {
        self.api.clock.advance(SignedDuration::from_secs(1));
        let client = self.api.post(&self.key, "/v1/clients", json!({ "name": name, "type": "api" })).await;
        assert_eq!(client.status, 201, "{client:?}");
        client.text("/id")
    }

    /// What the sealer does.
    async fn seal(&self) -> u64 {
        let store = Store::new(&self.api.platform);
        let records =
            store.list::<AuditRecord>(AuditRecord::of_tenant(&self.scope, None, None).limit(1000)).await;
        let ids: Vec<AuditEventId> = records.unwrap().items.iter().map(|record| record.id).collect();
        merkle_log(&self.api.platform).unwrap().seal(&self.scope, &ids).await.unwrap().size
    }
}

fn plain(answer: Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["Content-Type"], "text/plain; charset=utf-8");
    match answer.body {
        Value::String(text) => text,
        other => panic!("not a text: {other}"),
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.body["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_sealed_event_is_verified_with_what_the_api_gives_and_nothing_else() {
    let world = World::new().await;
    let client = world.act("ci").await;
    let found = world.get(&format!("/v1/audit/events?target={client}")).await;
    let event = found.text("/items/0/id");
    assert_eq!(found.text("/items/0/action"), "client.create");
    assert_eq!(found.text("/items/0/actor/principal"), "admin");
    let early = world.get(&format!("/v1/audit/events/{event}/proof")).await;
    assert_eq!((early.status, early.text("/type")), (409, "urn:toss:problem:not-sealed-yet".into()));
    assert_eq!(early.headers["Retry-After"], "1");

    let size = world.seal().await;
    let proof = plain(world.get(&format!("/v1/audit/events/{event}/proof")).await);
    let leaf = plain(world.get(&format!("/v1/audit/events/{event}/leaf")).await);
    let key: VerifierKey = plain(world.get("/v1/audit/key").await).trim().parse().unwrap();
    let inclusion = verify_inclusion(&proof, leaf.as_bytes(), &key).unwrap();
    assert_eq!(inclusion.checkpoint.size, size);
    let forged = leaf.replace("client.create", "client.delete");
    assert!(verify_inclusion(&proof, forged.as_bytes(), &key).is_err());
    let moved = proof.replacen(&format!("index {}", inclusion.index), "index 0", 1);
    assert!(verify_inclusion(&moved, leaf.as_bytes(), &key).is_err());
    let shown = world.get(&format!("/v1/audit/events/{event}")).await;
    assert_eq!(shown.body["place"], json!(inclusion.index));
}

#[tokio::test]
async fn a_later_log_is_proven_to_begin_with_an_earlier_one() {
    let world = World::new().await;
    let first = world.seal().await;
    let old = plain(world.get("/v1/audit/checkpoint").await);
    world.act("one").await;
    world.act("two").await;
    let last = world.seal().await;
    let key: VerifierKey = plain(world.get("/v1/audit/key").await).trim().parse().unwrap();
    let proof = plain(world.get(&format!("/v1/audit/consistency?from={first}&to={last}")).await);
    assert_eq!(verify_consistency(&proof, &old, &key).unwrap().size, last);
    assert_eq!(proof, plain(world.get(&format!("/v1/audit/consistency?from={first}")).await));
    assert_eq!(old, plain(world.get(&format!("/v1/audit/checkpoint?size={first}")).await));
    for query in
        [format!("from={}", last + 1), format!("from={last}&to={first}"), format!("from=0&to={}", u64::MAX)]
    {
        let refused = world.get(&format!("/v1/audit/consistency?{query}")).await;
        assert_eq!(
            (refused.status, refused.text("/type")),
            (400, "urn:toss:problem:outside-the-log".into()),
            "{query}"
        );
    }
    let empty = World::new().await;
    let head = plain(empty.get("/v1/audit/checkpoint").await);
    assert_eq!(head.lines().nth(1), Some("0"));
    assert_eq!(empty.get("/v1/audit/consistency?from=0&to=0").await.status, 200);
}

#[tokio::test]
async fn events_are_listed_newest_first_in_pages_and_filtered() {
    let world = World::new().await;
    for number in 0..7 {
        world.act(&format!("client-{number}")).await;
    }
    let all = ids(&world.get("/v1/audit/events?action=client.create&limit=100").await);
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by(|a, b| a > b));
    for filter in
        ["action=client.create", "action=client.*", "action=client.create&principal=admin", "target=client"]
    {
        let (mut path, mut found) = (format!("/v1/audit/events?{filter}&limit=3"), Vec::new());
        loop {
            let page = world.get(&path).await;
            found.extend(ids(&page));
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            path = format!("/v1/audit/events?{filter}&limit=3&cursor={cursor}");
        }
        assert_eq!(found, all, "{filter}");
    }
    let window = "from=2026-11-22T12:00:02Z&to=2026-11-22T12:00:04.5Z&action=client.create";
    assert_eq!(ids(&world.get(&format!("/v1/audit/events?{window}")).await), all[3..6]);
    for nothing in
        ["action=client", "principal=ada", "target=x", "from=2027-01-01T00:00:00Z", "to=1969-01-01T00:00:00Z"]
    {
        assert!(ids(&world.get(&format!("/v1/audit/events?{nothing}")).await).is_empty(), "{nothing}");
    }
}

#[tokio::test]
async fn an_export_is_json_lines_in_parts_and_stands_in_the_log_itself() {
    let world = World::new().await;
    for number in 0..5 {
        world.act(&format!("client-{number}")).await;
    }
    let (mut path, mut uids, mut parts) =
        ("/v1/audit/export?limit=4&to=2026-11-22T12:00:05Z".to_owned(), Vec::new(), 0);
    world.api.clock.advance(SignedDuration::from_secs(1));
    loop {
        let part = world.get(&path).await;
        assert_eq!((part.status, part.headers["Content-Type"].as_str()), (200, "application/x-ndjson"));
        parts += 1;
        for line in part.body.as_str().unwrap().lines() {
            let document: Value = serde_json::from_str(line).unwrap();
            assert!(document["class_uid"].is_number(), "{line}");
            uids.push(document["metadata"]["uid"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = part.headers.get("Next-Cursor") else { break };
        path = format!("/v1/audit/export?limit=4&to=2026-11-22T12:00:05Z&cursor={cursor}");
    }
    assert_eq!((uids.len(), parts), (6, 2), "one tenant and five clients");
    assert!(uids.is_sorted());
    assert_eq!(ids(&world.get("/v1/audit/events?action=audit.export").await).len(), 2);
    assert!(ids(&world.get("/v1/audit/events?action=audit.read").await).len() <= 1);
    world.get("/v1/audit/events").await;
    assert_eq!(ids(&world.get("/v1/audit/events?action=audit.read").await).len(), 1, "once an hour");
    world.api.clock.advance(SignedDuration::from_hours(1));
    world.get("/v1/audit/events").await;
    assert_eq!(ids(&world.get("/v1/audit/events?action=audit.read").await).len(), 2);
}

#[tokio::test]
async fn a_record_that_was_tampered_with_is_shown_as_such_and_hides_no_other() {
    let world = World::new().await;
    world.act("one").await;
    world.act("two").await;
    let all = ids(&world.get("/v1/audit/events?action=client.create").await);
    let store = Store::new(&world.api.platform);
    let key = AuditRecord::key_of(&world.scope, all[0].parse().unwrap());
    let mut record: AuditRecord = store.get(&key).await.unwrap().unwrap();
    record.ciphertext[20] ^= 1;
    store.overwrite(&record).await.unwrap();
    let shown = world.get("/v1/audit/events?action=client.create").await;
    assert_eq!(ids(&shown), all);
    assert!(shown.body["items"][0]["unreadable"].is_string() && shown.body["items"][0]["actor"].is_null());
    assert_eq!(shown.text("/items/1/actor/principal"), "admin");
    assert_eq!(world.get("/v1/audit/export").await.status, 200);
}

#[tokio::test]
async fn another_tenants_events_do_not_exist() {
    let world = World::new().await;
    let client = world.act("mine").await;
    let event = ids(&world.get(&format!("/v1/audit/events?target={client}")).await).remove(0);
    world.seal().await;
    let (other, _) = world.api.tenant("Other").await;
    for tail in ["", "/leaf", "/proof"] {
        let path = format!("/v1/audit/events/{event}{tail}");
        assert_eq!(world.get(&path).await.status, 200, "{tail}");
        assert_eq!(world.api.get(&other, &path).await.status, 404, "{tail}");
        assert_eq!(world.api.get(OPERATOR, &path).await.status, 403, "{tail}");
        assert_eq!(world.get(&format!("/v1/audit/events/nonsense{tail}")).await.status, 404);
    }
    assert!(ids(&world.api.get(&other, &format!("/v1/audit/events?target={client}")).await).is_empty());
    let theirs = world.api.get(&other, "/v1/audit/key").await;
    assert_ne!(plain(theirs), plain(world.get("/v1/audit/key").await));
}

#[tokio::test]
async fn hostile_queries_are_refused_and_never_fail() {
    let world = World::new().await;
    let last = "aud_7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
    for (path, expected) in [
        ("events?limit=0", 400),
        ("events?limit=101", 400),
        ("events?limit=-1", 400),
        ("events?limit=x", 400),
        ("events?from=yesterday", 400),
        ("events?from=", 400),
        ("events?moon=1", 400),
        ("events?cursor=x", 400),
        ("events?cursor=", 400),
        ("events?cursor=T%23", 400),
        ("events?from=2026-11-22T12:00:00Z&to=2026-11-22T11:00:00Z", 400),
        ("events?from=9999-12-30T00:00:00Z&to=-000500-01-02T00:00:00Z", 400),
        ("events?from=-000500-01-02T00:00:00Z&to=9999-12-30T00:00:00Z", 200),
        ("events?cursor=aud_00000000000000000000000000", 200),
        ("export?cursor=aud_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 200),
        ("export?limit=0", 400),
        ("export?limit=1001", 400),
        ("export?limit=4294967296", 400),
        ("consistency", 400),
        ("consistency?from=-1", 400),
        ("consistency?from=1e3", 400),
        ("consistency?from=0&to=", 400),
        ("checkpoint?size=18446744073709551615", 400),
        ("checkpoint?size=18446744073709551616", 400),
        ("checkpoint?size=0", 200),
        ("key?x=1", 400),
    ] {
        let answer = world.get(&format!("/v1/audit/{path}")).await;
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
    }
    assert_eq!(world.get(&format!("/v1/audit/events?cursor={last}")).await.status, 200);
    let long = "x".repeat(7000);
    for name in ["action", "principal", "target"] {
        assert_eq!(world.get(&format!("/v1/audit/events?{name}={long}")).await.status, 200);
    }
}
