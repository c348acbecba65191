//! API keys of a client: issue, rotate with overlap, revoke.

use std::sync::Arc;

use futures::future::try_join_all;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toss_clients::{ClientType, Issued, NewKey};
use toss_kernel::{
    TenantScope,
    id::{ClientId, KeyId},
};
use toss_runtime::api::{Access, Problem, Reply, Request, Route};
use toss_store::{
    StoreError,
    clients::{ApiKey, ApiKeyEntry, ApiKeyUse, Client},
};

use super::{Clients, not_above};
use crate::{
    listing::{Listing, PageQuery},
    record::Act,
    seed::Seed,
};

/// A year: keys that live longer are forgotten before they expire.
const LONGEST_LIFE: u32 = 366 * 24 * 3600;
/// Thirty days.
const LONGEST_OVERLAP: u32 = 30 * 24 * 3600;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKeyBody {
    /// Seconds until the key expires; it does not when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_622_400))]
    expires_in_seconds: Option<u32>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// Seconds for which the old key works beside the new one. A day when not given; 0 stops it at once.
    #[serde(default = "a_day")]
    #[schemars(range(min = 0, max = 2_592_000))]
    overlap_seconds: u32,
}

const fn a_day() -> u32 {
    24 * 3600
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct KeyView {
    id: KeyId,
    client_id: ClientId,
    /// `active`, `expired` or `revoked`.
    status: &'static str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// The key that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<KeyId>,
    /// When it was used last, to within five minutes; null before it was.
    last_used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct IssuedView {
    id: KeyId,
    client_id: ClientId,
    /// The key, shown only now.
    key: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct RotatedView {
    #[serde(flatten)]
    issued: IssuedView,
    /// Until when the old key works.
    old_valid_until: Timestamp,
}

pub(super) fn routes() -> Vec<Route<Clients>> {
    let (all, one) = ("/v1/clients/{id}/keys", "/v1/clients/{id}/keys/{key_id}");
    vec![
        Route::new(Method::POST, all, Access::Action("keys:issue"), 201, "Issue a key", Clients::issue),
        Route::new(Method::GET, all, Access::Action("clients:read"), 200, "A client's keys", Clients::keys),
        Route::new(Method::GET, one, Access::Action("clients:read"), 200, "One key", Clients::key),
        Route::new(
            Method::POST,
            "/v1/clients/{id}/keys/{key_id}/rotation",
            Access::Action("keys:rotate"),
            200,
            "Replace a key; the old one works on for the overlap",
            Clients::rotate,
        ),
        Route::new(Method::DELETE, one, Access::Action("keys:revoke"), 204, "Revoke a key", Clients::revoke),
    ]
}

fn view(key: &ApiKey, used: Option<ApiKeyUse>, now: Timestamp) -> KeyView {
    let status = match (key.revoked_at, key.is_valid(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "active",
        (None, false) => "expired",
    };
    KeyView {
        id: key.id,
        client_id: key.client,
        status,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        replaced_by: key.replaced_by,
        last_used_at: used.map(|used| used.last_used_at),
    }
}

fn shown(issued: &Issued) -> IssuedView {
    IssuedView {
        id: issued.record.id,
        client_id: issued.record.client,
        key: issued.key.expose().clone(),
        created_at: issued.record.created_at,
        expires_at: issued.record.expires_at,
    }
}

impl Clients {
    async fn issue(self: Arc<Self>, request: Request<NewKeyBody>) -> Result<Reply<IssuedView>, Problem> {
        let life = request.body.expires_in_seconds;
        if life.is_some_and(|seconds| !(1..=LONGEST_LIFE).contains(&seconds)) {
            let message = format!("must be from 1 to {LONGEST_LIFE}");
            let problem = json!([{ "pointer": "/expires_in_seconds", "code": "range", "message": message }]);
            return Err(Problem::invalid("The key's life is out of range.", problem));
        }
        let client = self.found(&request).await?;
        not_above(&request.caller.principal, &client)?;
        if client.client_type == ClientType::Mobile.name() || client.client_type == ClientType::Spa.name() {
            return Err(Problem::conflict(
                "client-keeps-no-secret",
                "A client of this type runs on people's devices and can keep no key; register one of type 'api' or 'service'.",
            ));
        }
        let expires_at = life.map(|seconds| self.after(seconds));
        let id = KeyId::from_ulid(Seed::of(&request, &self.platform).ulid("key"));
        let issued = self.issuer.issue(NewKey { id, client: &client, expires_at }).await?;
        let issued = self.store_new(&request, &client, issued, None).await?;
        Ok(Reply::created(shown(&issued)))
    }

    async fn keys(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<KeyView>>, Problem> {
        let client = self.found(&request).await?;
        let range = request.query.of(ApiKeyEntry::of_client(request.scope()?, client.id))?;
        let page = self.store.list::<ApiKeyEntry>(range).await?;
        let scope = request.scope()?;
        let keys = try_join_all(page.items.iter().map(|entry| self.shown_key(scope, entry.id))).await?;
        Ok(Reply::ok(Listing {
            items: keys.into_iter().flatten().collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }))
    }

    async fn key(self: Arc<Self>, request: Request) -> Result<Reply<KeyView>, Problem> {
        let key = self.found_key(&request).await?;
        let shown = self.shown_key(request.scope()?, key.id).await?;
        Ok(Reply::ok(shown.ok_or_else(|| Problem::not_found("key"))?))
    }

    /// A key that stands in the tenant's list, with its use.
    async fn shown_key(&self, scope: &TenantScope, id: KeyId) -> Result<Option<KeyView>, StoreError> {
        let (key, used) = (ApiKey::key_of(id), ApiKeyUse::key_of(scope, id));
        let (key, used) =
            tokio::try_join!(self.store.get::<ApiKey>(&key), self.store.get::<ApiKeyUse>(&used))?;
        Ok(key.map(|key| view(&key, used, self.platform.clock.now())))
    }

    async fn rotate(self: Arc<Self>, request: Request<Rotation>) -> Result<Reply<RotatedView>, Problem> {
        let overlap = request.body.overlap_seconds;
        if overlap > LONGEST_OVERLAP {
            let message = format!("must be from 0 to {LONGEST_OVERLAP}");
            let problem = json!([{ "pointer": "/overlap_seconds", "code": "range", "message": message }]);
            return Err(Problem::invalid("The overlap is out of range.", problem));
        }
        let client = self.found(&request).await?;
        let mut old = self.found_key(&request).await?;
        not_above(&request.caller.principal, &client)?;
        let id = KeyId::from_ulid(Seed::of(&request, &self.platform).ulid("key"));
        let until = self.after(overlap);
        // A request that is carried out again has set both already.
        let again = old.replaced_by == Some(id);
        if !again {
            if !old.is_valid(self.platform.clock.now()) {
                return Err(Problem::conflict(
                    "key-not-active",
                    "The key is revoked or expired; issue a new one.",
                ));
            }
            if old.replaced_by.is_some() {
                return Err(Problem::conflict(
                    "key-already-rotated",
                    "The key was replaced; rotate the key that took its place.",
                ));
            }
            old.expires_at = Some(old.expires_at.map_or(until, |expires| expires.min(until)));
            old.replaced_by = Some(id);
        }
        let old_valid_until = old.expires_at.unwrap_or(until);
        let issued = self.issuer.issue(NewKey { id, client: &client, expires_at: None }).await?;
        let issued = self.store_new(&request, &client, issued, Some(&old)).await?;
        Ok(Reply::ok(RotatedView { issued: shown(&issued), old_valid_until }))
    }

    async fn revoke(self: Arc<Self>, request: Request) -> Result<Reply<()>, Problem> {
        let mut key = self.found_key(&request).await?;
        if key.revoked_at.is_none() {
            key.revoked_at = Some(self.platform.clock.now());
            let details = vec![("client", json!(key.client))];
            let act = Act { action: "key.revoke", kind: "key", id: &key.id, details };
            let event = self.recorder.of(request.scope()?, &request.caller, act).await?;
            self.store.transaction().replace(&key)?.create(&event)?.commit().await?;
        }
        Ok(Reply::no_content())
    }

    fn after(&self, seconds: u32) -> Timestamp {
        let later = self.platform.clock.now().saturating_add(SignedDuration::from_secs(seconds.into()));
        later.unwrap_or(Timestamp::MAX)
    }

    /// Stores a new key and, when it takes another's place, that one with it.
    async fn store_new<B>(
        &self,
        request: &Request<B>,
        client: &Client,
        mut issued: Issued,
        old: Option<&ApiKey>,
    ) -> Result<Issued, Problem> {
        let id = issued.record.id;
        let act = Act {
            action: if old.is_some() { "key.rotate" } else { "key.issue" },
            kind: "key",
            id: &id,
            details: vec![("client", json!(client.id)), ("replaces", json!(old.map(|old| old.id)))],
        };
        let event = self.recorder.of(request.scope()?, &request.caller, act).await?;
        let entry = ApiKeyEntry { tenant: client.tenant, client: client.id, id };
        let mut transaction =
            self.store.transaction().create(&issued.record)?.create(&entry)?.create(&event)?;
        if let Some(old) = old {
            transaction = transaction.replace(old)?;
        }
        match transaction.commit().await {
            Ok(()) => Ok(issued),
            // The request before this one stored a key and died before it could show it: the key is made anew
            // under the same id, and the lost one opens nothing.
            Err(error) if error.failed_at(0) && request.seed.is_some() => {
                let stored =
                    self.store.get::<ApiKey>(&ApiKey::key_of(id)).await?.ok_or(StoreError::Contention)?;
                issued.record.revision = stored.revision;
                self.store.replace(&mut issued.record).await?;
                Ok(issued)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A key exists for a tenant when it stands in the list of one of its clients.
    async fn found_key<B, Q>(&self, request: &Request<B, Q>) -> Result<ApiKey, Problem> {
        let missing = || Problem::not_found("key");
        let client: ClientId = request.path("id", "client")?;
        let id: KeyId = request.path("key_id", "key")?;
        let entry = ApiKeyEntry::key_of(request.scope()?, client, id);
        self.store.get::<ApiKeyEntry>(&entry).await?.ok_or_else(missing)?;
        self.store.get(&ApiKey::key_of(id)).await?.ok_or_else(missing)
    }
}
