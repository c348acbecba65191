//! Tenants, clients and keys.

use jiff::SignedDuration;
use serde_json::json;

use super::support::{Api, Call, OPERATOR};

#[tokio::test]
async fn a_tenants_first_key_registers_clients_and_another_tenants_finds_none_of_them() {
    let api = Api::new();
    let ((one, _), (other, _)) = (api.tenant("One").await, api.tenant("Other").await);
    let client = api.post(&one, "/v1/clients", json!({ "name": "ci", "type": "service" })).await;
    assert_eq!(client.status, 201, "{client:?}");
    let path = format!("/v1/clients/{}", client.text("/id"));
    assert_eq!(api.get(&one, &path).await.status, 200);
    assert_eq!(api.get(&other, &path).await.status, 404);
    assert_eq!(api.post(&other, &format!("{path}/keys"), json!({})).await.status, 404);
    let mine = api.get(&other, "/v1/clients").await;
    assert_eq!(mine.body["items"].as_array().unwrap().len(), 1, "its own administrator only");
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_not_a_moment_longer() {
    let api = Api::new();
    let (admin, _) = api.tenant("One").await;
    let client = api
        .post(&admin, "/v1/clients", json!({ "name": "ci", "type": "api", "scopes": ["clients:read"] }))
        .await;
    let keys = format!("/v1/clients/{}/keys", client.text("/id"));
    let issued = api.call("POST", &keys, Call { key: &admin, ..Call::default() }, None).await;
    assert_eq!(issued.status, 201, "{issued:?}");
    let (key, one) = (issued.text("/key"), format!("{keys}/{}", issued.text("/id")));
    assert_eq!(api.get(&key, "/v1/clients").await.status, 200);
    let beyond = api.post(&key, "/v1/clients", json!({ "name": "x", "type": "api" })).await;
    assert_eq!((beyond.status, beyond.text("/type")), (403, "urn:toss:problem:forbidden".into()));
    assert_eq!(api.delete(&admin, &one).await.status, 204);
    assert_eq!(api.get(&key, "/v1/clients").await.status, 401);
    assert_eq!(api.delete(&admin, &one).await.status, 204, "revoking twice is revoking once");
    let listed = api.get(&admin, &keys).await;
    assert_eq!(
        (listed.text("/items/0/status"), listed.text("/items/0/last_used_at")),
        ("revoked".into(), "2026-11-22T12:00:00Z".into())
    );
}

#[tokio::test]
async fn a_rotated_key_works_beside_the_new_one_for_the_overlap() {
    let api = Api::new();
    let (admin, _) = api.tenant("One").await;
    let client =
        api.post(&admin, "/v1/clients", json!({ "name": "ci", "type": "api", "roles": ["auditor"] })).await;
    let keys = format!("/v1/clients/{}/keys", client.text("/id"));
    let issued = api.post(&admin, &keys, json!({})).await;
    let rotation = format!("{keys}/{}/rotation", issued.text("/id"));
    let rotated = api.post(&admin, &rotation, json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_eq!(rotated.text("/old_valid_until"), "2026-11-22T12:01:00Z");
    for key in [issued.text("/key"), rotated.text("/key")] {
        assert_eq!(api.get(&key, "/v1/clients").await.status, 200);
    }
    assert_eq!(api.post(&admin, &rotation, json!({})).await.status, 409);
    api.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(api.get(&issued.text("/key"), "/v1/clients").await.status, 401);
    assert_eq!(api.get(&rotated.text("/key"), "/v1/clients").await.status, 200);
}

#[tokio::test]
async fn a_suspended_tenants_keys_are_refused_until_it_is_active_again() {
    let api = Api::new();
    let (admin, id) = api.tenant("One").await;
    let path = format!("/v1/tenants/{id}");
    assert_eq!(api.get(&admin, &path).await.status, 200, "a tenant may read itself");
    assert_eq!(api.patch(OPERATOR, &path, json!({ "status": "suspended" })).await.status, 200);
    let refused = api.get(&admin, "/v1/clients").await;
    assert_eq!((refused.status, refused.text("/type")), (403, "urn:toss:problem:tenant-suspended".into()));
    assert_eq!(
        api.patch(OPERATOR, &path, json!({ "status": "active", "plan": "gold" })).await.text("/plan"),
        "gold"
    );
    assert_eq!(api.get(&admin, "/v1/clients").await.status, 200);
}

#[tokio::test]
async fn an_offboarded_tenant_has_its_days_of_grace() {
    let api = Api::new();
    let (admin, id) = api.tenant("One").await;
    let gone = api.delete(OPERATOR, &format!("/v1/tenants/{id}?grace_days=2")).await;
    assert_eq!((gone.status, gone.text("/closes_at")), (202, "2026-11-24T12:00:00Z".into()));
    assert_eq!(api.get(&admin, "/v1/clients").await.status, 200);
    api.clock.advance(SignedDuration::from_hours(48));
    assert_eq!(api.get(&admin, "/v1/clients").await.status, 403);
}

#[tokio::test]
async fn a_repeated_request_is_answered_once_and_the_same() {
    let api = Api::new();
    let call = Call { key: OPERATOR, idempotency: Some("sign-up-1"), ..Call::default() };
    let body = || Some(json!({ "name": "One" }).to_string());
    let first = api.call("POST", "/v1/tenants", call.clone(), body()).await;
    let again = api.call("POST", "/v1/tenants", call.clone(), body()).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["Idempotency-Replayed"], "true");
    assert!(again.headers.contains_key("RateLimit"));
    let other = api.call("POST", "/v1/tenants", call, Some(json!({ "name": "Two" }).to_string())).await;
    assert_eq!((other.status, other.text("/type")), (422, "urn:toss:problem:idempotency-mismatch".into()));
    assert_eq!(api.get(OPERATOR, "/v1/tenants").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_page_to_their_end() {
    let api = Api::new();
    for number in 0..5 {
        api.tenant(&format!("Tenant {number}")).await;
    }
    let (mut path, mut names) = ("/v1/tenants?limit=2".to_owned(), Vec::new());
    loop {
        let page = api.get(OPERATOR, &path).await;
        assert_eq!(page.status, 200, "{page:?}");
        names.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/v1/tenants?limit=2&cursor={cursor}");
    }
    names.sort_by_key(ToString::to_string);
    names.dedup();
    assert_eq!(names.len(), 5);
}

#[tokio::test]
async fn what_no_credential_opens_stays_closed() {
    let api = Api::new();
    let (admin, id) = api.tenant("One").await;
    for key in ["", "x", "toss_test_1_2", &admin[..admin.len() - 1], &"k".repeat(100_000), "toss_tést__"] {
        assert_eq!(api.get(key, "/v1/clients").await.status, 401, "{key:.40}");
    }
    assert_eq!(api.get(&admin, "/v1/tenants").await.status, 403);
    assert_eq!(api.patch(&admin, &format!("/v1/tenants/{id}"), json!({ "plan": "gold" })).await.status, 403);
    assert_eq!(api.get("", "/v1/health").await.status, 200);
}
