//! Tenants: the operator signs companies up, changes what they may, and lets them go.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toss_clients::{ClientType, Issuer, NewKey};
use toss_kernel::{
    Role,
    id::{ClientId, KeyId, TenantId},
};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::Table,
};
use toss_store::{
    Store,
    clients::{ApiKey, ApiKeyEntry, Client},
    tenants::{Tenant, TenantEntry, TenantStatus},
};

use crate::{
    checks::Checks,
    listing::{Listing, PageQuery},
    record::{Act, Recorder},
    seed::Seed,
};

/// The endpoint.
pub(crate) struct Tenants {
    platform: Platform,
    store: Store,
    issuer: Issuer,
    recorder: Recorder,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// The company's name.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// The plan it pays for.
    #[serde(default = "standard")]
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-z0-9-]*$"))]
    plan: String,
}

fn standard() -> String {
    "standard".to_owned()
}

/// What the operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SettableStatus {
    Active,
    Suspended,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TenantChange {
    /// The company's name.
    name: Option<String>,
    /// The plan it pays for.
    plan: Option<String>,
    /// `suspended` refuses all its keys; `active` admits them again, and takes an offboarding back.
    status: Option<SettableStatus>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OffboardQuery {
    /// Days until the tenant's keys stop working; meanwhile it can fetch its data. 30 when not given.
    #[serde(default = "thirty")]
    #[schemars(range(min = 0, max = 365))]
    grace_days: u16,
}

const fn thirty() -> u16 {
    30
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct TenantView {
    id: TenantId,
    name: String,
    plan: String,
    /// `active`, `suspended` or `closing`.
    status: TenantStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// When its keys stop working, while it is closing.
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id,
            name: tenant.name,
            plan: tenant.plan,
            status: tenant.status,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            closes_at: tenant.closes_at,
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct CreatedTenant {
    #[serde(flatten)]
    tenant: TenantView,
    /// The client of its first administrator.
    client_id: ClientId,
    /// Names the key.
    key_id: KeyId,
    /// The administrator's key, shown only now.
    api_key: String,
}

impl Resource for Tenants {
    const HANDLER: &'static str = "tenants";
    const SUMMARY: &'static str = "Companies that signed up. For the operator.";
    const GRANTS: &'static [Grant] = &[Grant::Write(Table::Directory)];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            issuer: Issuer::new(platform)?,
            recorder: Recorder::new(platform)?,
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let (all, one) = ("/v1/tenants", "/v1/tenants/{id}");
        let create = "Sign a company up; the answer holds its administrator's key, once";
        let offboard = "Let a tenant go: after the days of grace its keys stop working";
        vec![
            Route::new(Method::POST, all, Access::Action("tenants:create"), 201, create, Self::create),
            Route::new(Method::GET, all, Access::Action("tenants:list"), 200, "All tenants", Self::list),
            Route::new(Method::GET, one, Access::Action("tenants:read"), 200, "One tenant", Self::read),
            Route::new(
                Method::PATCH,
                one,
                Access::Action("tenants:update"),
                200,
                "Change a tenant's name, plan or status",
                Self::change,
            ),
            Route::new(Method::DELETE, one, Access::Action("tenants:delete"), 202, offboard, Self::offboard),
        ]
    }
}

impl Tenants {
    async fn create(self: Arc<Self>, request: Request<NewTenant>) -> Result<Reply<CreatedTenant>, Problem> {
        let new = &request.body;
        let mut checks = Checks::default();
        checks.name("/name", &new.name, 200);
        checks.slug("/plan", &new.plan, 40);
        checks.done()?;
        let seed = Seed::of(&request, &self.platform);
        let now = self.platform.clock.now();
        let tenant = Tenant {
            id: TenantId::from_ulid(seed.ulid("tenant")),
            name: new.name.clone(),
            plan: new.plan.clone(),
            status: TenantStatus::Active,
            created_at: now,
            updated_at: now,
            closes_at: None,
            revision: 0,
        };
        let scope = request.caller.operator_scope(tenant.id)?;
        let client = Client {
            tenant: tenant.id,
            id: ClientId::from_ulid(seed.ulid("client")),
            name: "admin".to_owned(),
            client_type: ClientType::Service.name().to_owned(),
            roles: BTreeSet::from([Role::Admin]),
            scopes: BTreeSet::new(),
            rate_policy: None,
            created_at: now,
        };
        let id = KeyId::from_ulid(seed.ulid("key"));
        let mut issued = self.issuer.issue(NewKey { id, client: &client, expires_at: None }).await?;
        let act = Act {
            action: "tenant.create",
            kind: "tenant",
            id: &tenant.id,
            details: vec![("name", json!(tenant.name)), ("plan", json!(tenant.plan))],
        };
        let event = self.recorder.of(&scope, &request.caller, act).await?;
        let outcome = self
            .store
            .transaction()
            .create(&tenant)?
            .create(&TenantEntry { id: tenant.id })?
            .create(&client)?
            .create(&issued.record)?
            .create(&ApiKeyEntry { tenant: tenant.id, client: client.id, id })?
            .create(&event)?
            .commit()
            .await;
        match outcome {
            Ok(()) => {}
            // The request before this one made the tenant and died before it could show the key: the key is
            // made anew under the same id, and the lost one opens nothing.
            Err(error) if error.failed_at(0) && seed.repeatable => {
                let stored = self.store.get::<ApiKey>(&ApiKey::key_of(id)).await?;
                issued.record.revision = stored.map_or(0, |stored| stored.revision);
                self.store.replace(&mut issued.record).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let location = format!("/v1/tenants/{}", tenant.id);
        Ok(Reply::created(CreatedTenant {
            client_id: client.id,
            key_id: id,
            api_key: issued.key.expose().clone(),
            tenant: tenant.into(),
        })
        .with_header("Location", location))
    }

    async fn list(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<TenantView>>, Problem> {
        let page = self.store.list::<TenantEntry>(request.query.of(TenantEntry::all())?).await?;
        let mut tenants = Vec::with_capacity(page.items.len());
        for entry in &page.items {
            let scope = request.caller.operator_scope(entry.id)?;
            tenants.extend(self.store.tenant(&scope).await?.map(TenantView::from));
        }
        Ok(Reply::ok(Listing { items: tenants, next_cursor: page.next.map(|cursor| cursor.to_string()) }))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<TenantView>, Problem> {
        Ok(Reply::ok(self.found(&request).await?.into()))
    }

    async fn change(self: Arc<Self>, request: Request<TenantChange>) -> Result<Reply<TenantView>, Problem> {
        let change = &request.body;
        let mut checks = Checks::default();
        if let Some(name) = &change.name {
            checks.name("/name", name, 200);
        }
        if let Some(plan) = &change.plan {
            checks.slug("/plan", plan, 40);
        }
        checks.done()?;
        let mut tenant = self.found(&request).await?;
        let now = self.platform.clock.now();
        let mut details = Vec::new();
        if let Some(name) = &change.name {
            details.push(("name", json!(name)));
            tenant.name.clone_from(name);
        }
        if let Some(plan) = &change.plan {
            details.push(("plan", json!(plan)));
            tenant.plan.clone_from(plan);
        }
        if let Some(status) = change.status {
            if tenant.status == TenantStatus::Closing && !tenant.may_act(now) {
                return Err(Problem::conflict("tenant-closed", "The tenant is closed; create a new one."));
            }
            tenant.status = match status {
                SettableStatus::Active => TenantStatus::Active,
                SettableStatus::Suspended => TenantStatus::Suspended,
            };
            tenant.closes_at = None;
            details.push(("status", json!(tenant.status)));
        }
        tenant.updated_at = now;
        self.save(&request, &tenant, "tenant.update", details).await?;
        Ok(Reply::ok(tenant.into()))
    }

    async fn offboard(
        self: Arc<Self>,
        request: Request<(), OffboardQuery>,
    ) -> Result<Reply<TenantView>, Problem> {
        let days = request.query.grace_days;
        if days > 365 {
            return Err(Problem::bad_request("bad-query", "'grace_days' must be a number from 0 to 365."));
        }
        let mut tenant = self.found(&request).await?;
        if tenant.status != TenantStatus::Closing {
            let now = self.platform.clock.now();
            let closes_at = now.saturating_add(SignedDuration::from_hours(24 * i64::from(days)));
            tenant.status = TenantStatus::Closing;
            tenant.closes_at = Some(closes_at.unwrap_or(Timestamp::MAX));
            tenant.updated_at = now;
            let details = vec![("closes_at", json!(tenant.closes_at))];
            self.save(&request, &tenant, "tenant.offboard", details).await?;
        }
        Ok(Reply::accepted(tenant.into()))
    }

    async fn found<B, Q>(&self, request: &Request<B, Q>) -> Result<Tenant, Problem> {
        let scope = request.caller.operator_scope(request.path("id", "tenant")?)?;
        self.store.tenant(&scope).await?.ok_or_else(|| Problem::not_found("tenant"))
    }

    async fn save<B, Q>(
        &self,
        request: &Request<B, Q>,
        tenant: &Tenant,
        action: &'static str,
        details: Vec<(&'static str, serde_json::Value)>,
    ) -> Result<(), Problem> {
        let scope = request.caller.operator_scope(tenant.id)?;
        let act = Act { action, kind: "tenant", id: &tenant.id, details };
        let event = self.recorder.of(&scope, &request.caller, act).await?;
        Ok(self.store.transaction().replace(tenant)?.create(&event)?.commit().await?)
    }
}
