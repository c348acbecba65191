//! The sealer on tables in memory, with a log key that the tests hold.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use toss_audit::{Actor, AuditEvent, Outcome, Target, Trail, proof::InclusionProof, verify_inclusion};
use toss_kernel::TenantScope;
use toss_store::testing::Tables;

use super::*;

/// The table, a trail that writes to it, the sealer, and the tenants whose heads are not signed for now.
struct World {
    tables: Tables,
    trail: Trail,
    sealer: Arc<dyn Function>,
    platform: Platform,
    unsigned: Arc<Mutex<Vec<TenantId>>>,
}

impl World {
    fn new() -> Self {
        let tables = Tables::new();
        let unsigned = Arc::new(Mutex::new(Vec::<TenantId>::new()));
        let refused = Arc::clone(&unsigned);
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let platform = tables
            .clone()
            .with_service(
                "TrentService",
                Arc::new(move |operation, request| match operation {
                    "GetPublicKey" => {
                        let spki = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
                        let der = [&spki[..], key.public_key().as_ref()].concat();
                        Ok(json!({ "PublicKey": BASE64_STANDARD.encode(der) }))
                    }
                    "Sign" => {
                        let message = BASE64_STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
                        let text = String::from_utf8(message.clone()).unwrap();
                        if refused.lock().unwrap().iter().any(|tenant| text.contains(&tenant.to_string())) {
                            return Err(("KMSInvalidStateException", "not now".to_owned()));
                        }
                        Ok(json!({ "Signature": BASE64_STANDARD.encode(key.sign(&message)) }))
                    }
                    other => Err(("UnsupportedOperationException", other.to_owned())),
                }),
            )
            .platform();
        Self {
            trail: Trail::new(&tables.platform()).unwrap(),
            sealer: DEFINITION.start(&platform).unwrap(),
            platform,
            tables,
            unsigned,
        }
    }

    /// Writes an event, and answers its record of the stream.
    async fn written(&self, tenant: u32, number: u32) -> Value {
        let event = event(tenant, number);
        let record = self.trail.prepare(&scope(tenant), &event).await.unwrap();
        self.tables.store().create(&record).await.unwrap();
        let image: serde_dynamo::Item = serde_dynamo::to_item(&record).unwrap();
        json!({
            "eventName": "INSERT",
            "dynamodb": { "Keys": {}, "NewImage": image, "SequenceNumber": format!("{tenant}-{number}") },
        })
    }

    /// Delivers a batch; answers the sequence numbers that failed.
    async fn deliver(&self, records: &[Value]) -> Vec<String> {
        let context = InvocationContext {
            request_id: "r".into(),
            received: self.platform.clock.now(),
            deadline: self.platform.clock.now(),
            trace_id: None,
        };
        let answer = self.sealer.invoke(json!({ "Records": records }), &context).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        failures.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    async fn sizes(&self, tenant: u32) -> (u64, u64) {
        let store = self.tables.store();
        let head = store.log_head(&scope(tenant)).await.unwrap().map_or(0, |head| head.leaves);
        let signed = store.signed_log_head(&scope(tenant)).await.unwrap().map_or(0, |head| head.leaves);
        (head, signed)
    }
}

fn tenant(number: u32) -> TenantId {
    format!("ten_{number:026}").parse().unwrap()
}

fn scope(number: u32) -> TenantScope {
    of_platform_record(tenant(number))
}

fn event(of: u32, number: u32) -> AuditEvent {
    AuditEvent {
        id: format!("aud_{number:026}").parse().unwrap(),
        time: "2026-11-22T10:00:00Z".parse().unwrap(),
        actor: Actor::platform(tenant(of), "test"),
        action: "workflow.create".parse().unwrap(),
        target: Target { kind: "workflow".to_owned(), id: "wf_1".to_owned() },
        outcome: Outcome::Success,
        reasons: Vec::new(),
        details: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_batch_of_several_tenants_is_sealed_and_each_event_proven() {
    let world = World::new();
    let mut records = Vec::new();
    for number in 1..=5 {
        records.push(world.written(number % 2, number).await);
    }
    assert!(world.deliver(&records).await.is_empty());
    assert_eq!((world.sizes(0).await, world.sizes(1).await), ((2, 2), (3, 3)));
    let log = merkle_log(&world.platform).unwrap();
    for number in 1..=5 {
        let tenant_number = number % 2;
        let key = log.verifier_key(tenant(tenant_number)).await.unwrap();
        let id = event(0, number).id;
        let proof = log.inclusion_proof(&scope(tenant_number), id).await.unwrap();
        let leaf = InclusionProof::parse(&proof).unwrap().extra.unwrap();
        assert!(verify_inclusion(&proof, &leaf, &key).is_ok());
        let forged = String::from_utf8(leaf).unwrap().replace("workflow.create", "workflow.delete");
        assert!(verify_inclusion(&proof, forged.as_bytes(), &key).is_err());
        let other = log.verifier_key(tenant(1 - tenant_number)).await.unwrap();
        assert!(verify_inclusion(&proof, forged.as_bytes(), &other).is_err());
    }
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_changes_nothing() {
    let world = World::new();
    let mut records = Vec::new();
    for number in 1..=3 {
        records.push(world.written(1, number).await);
    }
    assert!(world.deliver(&records).await.is_empty());
    let before = world.tables.store().signed_log_head(&scope(1)).await.unwrap();
    records.push(records[0].clone());
    assert!(world.deliver(&records).await.is_empty());
    assert_eq!(world.tables.store().signed_log_head(&scope(1)).await.unwrap(), before);
    assert_eq!(world.sizes(1).await, (3, 3));
}

#[tokio::test]
async fn a_signature_that_failed_after_the_append_is_made_by_the_next_delivery_and_holds_nobody_else_back() {
    let world = World::new();
    let records = [world.written(1, 1).await, world.written(2, 2).await, world.written(1, 3).await];
    world.unsigned.lock().unwrap().push(tenant(1));
    let mut failed = world.deliver(&records).await;
    failed.sort_unstable();
    assert_eq!(failed, ["1-1", "1-3"]);
    assert_eq!((world.sizes(1).await, world.sizes(2).await), ((2, 0), (1, 1)));
    world.unsigned.lock().unwrap().clear();
    assert!(world.deliver(&[records[0].clone()]).await.is_empty());
    assert_eq!(world.sizes(1).await, (2, 2));
}

#[tokio::test]
async fn what_is_no_new_audit_event_is_passed_over() {
    let world = World::new();
    let good = world.written(1, 1).await;
    let change = |name: &str, image: Value| json!({ "eventName": name, "dynamodb": { "Keys": {}, "NewImage": image, "SequenceNumber": "x" } });
    let image = &good["dynamodb"]["NewImage"];
    let records = [
        change("MODIFY", image.clone()),
        change("INSERT", json!({ "tenant": { "S": "ten_x" }, "id": { "S": "aud_x" } })),
        change("INSERT", json!({ "leaves": { "N": "1" } })),
        change("INSERT", json!("text")),
        json!({ "eventName": "REMOVE", "dynamodb": { "Keys": {}, "SequenceNumber": "y" } }),
    ];
    assert!(world.deliver(&records).await.is_empty());
    assert_eq!(world.sizes(1).await, (0, 0));
    assert!(world.deliver(&[good]).await.is_empty());
    assert_eq!(world.sizes(1).await, (1, 1));
}

#[tokio::test]
async fn a_log_that_was_tampered_with_stands_still_and_holds_nobody_else_back() {
    let world = World::new();
    let records = [world.written(1, 1).await, world.written(2, 2).await];
    assert!(world.deliver(&records).await.is_empty());
    let store = world.tables.store();
    let mut tile = store.log_tiles(&scope(1), &[(0, 0)]).await.unwrap().remove(0);
    tile.hashes[3] ^= 1;
    store.overwrite(&tile).await.unwrap();
    let records = [world.written(1, 3).await, world.written(2, 4).await];
    assert!(world.deliver(&records).await.is_empty(), "no delivery would change it");
    assert_eq!((world.sizes(1).await, world.sizes(2).await), ((1, 1), (2, 2)));
    tile.hashes[3] ^= 1;
    store.overwrite(&tile).await.unwrap();
    assert!(world.deliver(&records).await.is_empty());
    assert_eq!(world.sizes(1).await, (2, 2));
}
