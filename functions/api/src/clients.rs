//! Clients of a tenant, and their API keys.

mod keys;

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toss_clients::{ClientType, Issuer, MAX_RATE, Policy, covering_scopes};
use toss_kernel::{Principal, Role, id::ClientId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::Table,
};
use toss_store::{
    Store,
    clients::{Client, RatePolicy},
};

use crate::{
    checks::Checks,
    listing::{Listing, PageQuery},
    record::{Act, Recorder},
    seed::Seed,
};

/// The endpoint.
pub(crate) struct Clients {
    platform: Platform,
    store: Store,
    issuer: Issuer,
    recorder: Recorder,
}

/// What a tenant's client may be. The operator is no client of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GrantableRole {
    Admin,
    Author,
    Approver,
    Auditor,
}

impl From<GrantableRole> for Role {
    fn from(role: GrantableRole) -> Self {
        match role {
            GrantableRole::Admin => Self::Admin,
            GrantableRole::Author => Self::Author,
            GrantableRole::Approver => Self::Approver,
            GrantableRole::Auditor => Self::Auditor,
        }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewClient {
    /// Its name: what it acts under in task assignments and in the audit log.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What kind of application it is.
    #[serde(rename = "type")]
    client_type: ClientType,
    /// What narrows its roles: actions such as `executions:read`, or `executions:write`, `executions:*`.
    /// Without any it may do all that its roles allow.
    #[serde(default)]
    #[schemars(length(max = 100))]
    scopes: BTreeSet<String>,
    /// What it may do. Without any: `admin` narrowed by the scopes, or `author` and `approver` when there are none.
    #[serde(default)]
    roles: BTreeSet<GrantableRole>,
    /// How fast each of its keys may call.
    #[serde(default)]
    rate_policy: Option<RatePolicy>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct ClientView {
    id: ClientId,
    name: String,
    #[serde(rename = "type")]
    client_type: String,
    roles: BTreeSet<Role>,
    scopes: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_policy: Option<RatePolicy>,
    created_at: Timestamp,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            id: client.id,
            name: client.name,
            client_type: client.client_type,
            roles: client.roles,
            scopes: client.scopes,
            rate_policy: client.rate_policy,
            created_at: client.created_at,
        }
    }
}

impl Resource for Clients {
    const HANDLER: &'static str = "clients";
    const SUMMARY: &'static str = "Applications that call the API, and their keys.";
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
        let (all, one) = ("/v1/clients", "/v1/clients/{id}");
        let mut routes = vec![
            Route::new(
                Method::POST,
                all,
                Access::Action("clients:create"),
                201,
                "Register a client",
                Self::create,
            ),
            Route::new(Method::GET, all, Access::Action("clients:read"), 200, "All clients", Self::list),
            Route::new(Method::GET, one, Access::Action("clients:read"), 200, "One client", Self::read),
        ];
        routes.extend(keys::routes());
        routes
    }
}

impl Clients {
    async fn create(self: Arc<Self>, request: Request<NewClient>) -> Result<Reply<ClientView>, Problem> {
        let new = &request.body;
        check(new)?;
        let scope = request.scope()?;
        let client = Client {
            tenant: scope.tenant(),
            id: ClientId::from_ulid(Seed::of(&request, &self.platform).ulid("client")),
            name: new.name.clone(),
            client_type: new.client_type.name().to_owned(),
            roles: roles(new),
            scopes: new.scopes.clone(),
            rate_policy: new.rate_policy,
            created_at: self.platform.clock.now(),
        };
        not_above(&request.caller.principal, &client)?;
        let act = Act {
            action: "client.create",
            kind: "client",
            id: &client.id,
            details: vec![
                ("name", json!(client.name)),
                ("roles", json!(client.roles)),
                ("scopes", json!(client.scopes)),
            ],
        };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        match self.store.transaction().create(&client)?.create(&event)?.commit().await {
            Ok(()) => {}
            // The request before this one registered the client and died before it could answer.
            Err(error) if error.failed_at(0) && request.seed.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let location = format!("/v1/clients/{}", client.id);
        Ok(Reply::created(ClientView::from(client)).with_header("Location", location))
    }

    async fn list(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<ClientView>>, Problem> {
        let range = request.query.of(Client::all(request.scope()?))?;
        Ok(Reply::ok(Listing::of(self.store.list::<Client>(range).await?, ClientView::from)))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<ClientView>, Problem> {
        Ok(Reply::ok(self.found(&request).await?.into()))
    }

    async fn found<B, Q>(&self, request: &Request<B, Q>) -> Result<Client, Problem> {
        let key = Client::key_of(request.scope()?, request.path("id", "client")?);
        self.store.get(&key).await?.ok_or_else(|| Problem::not_found("client"))
    }
}

fn check(new: &NewClient) -> Result<(), Problem> {
    let mut checks = Checks::default();
    checks.name("/name", &new.name, 100);
    checks.require(new.scopes.len() <= 100, "/scopes", "too-many", "may hold 100 scopes at most");
    let policy = Policy::embedded().map_err(|error| Problem::internal(error))?;
    for scope in &new.scopes {
        let shown: String = scope.chars().take(64).collect();
        let message =
            format!("'{shown}' is no scope: write an action such as 'executions:read', or 'executions:*'");
        checks.require(policy.knows_scope(scope), "/scopes", "unknown-scope", &message);
    }
    if let Some(rate) = new.rate_policy {
        let bounds = 1..=MAX_RATE;
        let message = format!("must be from 1 to {MAX_RATE}");
        checks.require(bounds.contains(&rate.rate), "/rate_policy/rate", "range", &message);
        checks.require(bounds.contains(&rate.burst), "/rate_policy/burst", "range", &message);
    }
    checks.done()
}

fn roles(new: &NewClient) -> BTreeSet<Role> {
    match (new.roles.is_empty(), new.scopes.is_empty()) {
        (false, _) => new.roles.iter().map(|role| Role::from(*role)).collect(),
        (true, true) => BTreeSet::from([Role::Author, Role::Approver]),
        (true, false) => BTreeSet::from([Role::Admin]),
    }
}

/// Nobody makes a client that may do more than itself.
fn not_above(maker: &Principal, client: &Client) -> Result<(), Problem> {
    let roles = maker.has(Role::Admin) || client.roles.is_subset(&maker.roles);
    let covered = |scope: &String| {
        // `workflows:write` covers each action that writes, and not all of `workflows:*`.
        let wider = if scope.ends_with(":*") { Vec::new() } else { covering_scopes(scope) };
        maker.scopes.contains(scope) || wider.iter().any(|wider| maker.scopes.contains(wider))
    };
    let scopes = maker.scopes.is_empty() || (!client.scopes.is_empty() && client.scopes.iter().all(covered));
    if roles && scopes {
        return Ok(());
    }
    Err(Problem::forbidden(
        "A client cannot get roles or scopes that the key which registers it does not have.",
    ))
}
