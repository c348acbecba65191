//! Webhook endpoints: where a tenant wants to be told what happens.

mod deliveries;
mod secrets;
mod subscription;

use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_audit::{Envelope, envelope_of, kms::KmsDataKeys};
use toss_delivery::{
    outbound::OutboundClient,
    webhook::{EventType, Publisher, WebhookSecret, open_secrets, seal_secret},
};
use toss_kernel::{TenantScope, id::WebhookId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::{Queue, Table},
};
use toss_store::{
    Store, StoreError,
    webhooks::{EndpointStatus, WebhookEndpoint},
};
use url::Url;

use self::subscription::{check_description, check_events, done, without_repeats};
use crate::{
    checks::Checks,
    listing::{Listing, PageQuery},
    record::{Act, Recorder},
    seed::Seed,
};

/// The most endpoints of a tenant: every event is looked up against each of them.
const MOST_ENDPOINTS: u32 = 50;
/// How often a change is made again when deliveries changed the endpoint meanwhile.
const ATTEMPTS: usize = 5;

/// The endpoint.
pub(crate) struct Webhooks {
    platform: Platform,
    store: Store,
    publisher: Publisher,
    envelope: Envelope<KmsDataKeys>,
    outbound: OutboundClient,
    recorder: Recorder,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// The receiver: an `http` or `https` URL with a public address, or one that the operator allows.
    #[schemars(length(min = 1, max = 2048))]
    url: String,
    /// The event types it takes, such as `execution.succeeded`; all when there are none.
    #[serde(default)]
    #[schemars(length(max = 100))]
    events: Vec<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    description: Option<String>,
}

/// What its owner may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SettableWebhookStatus {
    Enabled,
    Paused,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookChange {
    /// The receiver.
    url: Option<String>,
    /// The event types it takes; all when there are none.
    events: Option<Vec<String>>,
    /// What it is for; empty for nothing.
    description: Option<String>,
    /// `paused` sends it nothing; `enabled` sends again, also where it was disabled.
    status: Option<SettableWebhookStatus>,
}

/// Whether an endpoint is sent to.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WebhookStatus {
    /// It is.
    Enabled,
    /// Its owner has stopped it.
    Paused,
    /// It answered 410, or its deliveries kept failing.
    Disabled,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct WebhookView {
    id: WebhookId,
    url: String,
    /// The event types it takes; all when there are none.
    events: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    status: WebhookStatus,
    /// Deliveries in a row that were given up after days.
    failures: u32,
    created_at: Timestamp,
}

impl From<WebhookEndpoint> for WebhookView {
    fn from(endpoint: WebhookEndpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events,
            description: endpoint.description,
            status: match endpoint.status {
                EndpointStatus::Enabled => WebhookStatus::Enabled,
                EndpointStatus::Paused => WebhookStatus::Paused,
                EndpointStatus::Disabled => WebhookStatus::Disabled,
            },
            failures: endpoint.failures,
            created_at: endpoint.created_at,
        }
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct CreatedWebhook {
    #[serde(flatten)]
    webhook: WebhookView,
    /// The secret that its messages are signed with (Standard Webhooks), shown only now.
    secret: String,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct EventTypeView {
    /// The name to subscribe to.
    name: &'static str,
    /// When it is sent.
    description: &'static str,
}

impl Resource for Webhooks {
    const HANDLER: &'static str = "webhooks";
    const SUMMARY: &'static str =
        "Where a tenant is told what happens: endpoints, secrets, deliveries, replay.";
    // The outbound grant brings the operator's allow list, against which URLs are checked before they are stored.
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::Send(Queue::Webhooks),
        Grant::CallOutside,
    ];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            publisher: Publisher::new(platform)?,
            envelope: envelope_of(platform)?,
            outbound: OutboundClient::of(platform)?,
            recorder: Recorder::new(platform)?,
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let (all, one, kinds) = ("/v1/webhooks", "/v1/webhooks/{id}", "/v1/webhooks/event-types");
        let (read, update) = (Access::Action("webhooks:read"), Access::Action("webhooks:update"));
        let (create, delete) = (Access::Action("webhooks:create"), Access::Action("webhooks:delete"));
        let mut routes = vec![
            Route::new(
                Method::POST,
                all,
                create,
                201,
                "Register an endpoint; its secret is shown once",
                Self::create,
            ),
            Route::new(Method::GET, all, read, 200, "All endpoints", Self::list),
            Route::new(Method::GET, kinds, read, 200, "The event types there are", Self::event_types),
            Route::new(Method::GET, one, read, 200, "One endpoint", Self::read),
            Route::new(Method::PATCH, one, update, 200, "Change, pause or enable an endpoint", Self::change),
            Route::new(Method::DELETE, one, delete, 204, "Remove an endpoint", Self::remove),
        ];
        routes.extend(secrets::routes());
        routes.extend(deliveries::routes());
        routes
    }
}

impl Webhooks {
    async fn create(self: Arc<Self>, request: Request<NewWebhook>) -> Result<Reply<CreatedWebhook>, Problem> {
        let new = &request.body;
        let mut checks = Checks::default();
        self.check_url(&mut checks, &new.url);
        let unknown = check_events(&mut checks, &new.events);
        check_description(&mut checks, new.description.as_deref());
        done(checks, unknown)?;
        let scope = request.scope()?;
        let id = WebhookId::from_ulid(Seed::of(&request, &self.platform).ulid("webhook"));
        self.room_for(scope, id).await?;
        let secret = WebhookSecret::generate().map_err(|error| Problem::internal(&error))?;
        let sealed = seal_secret(&self.envelope, scope.tenant(), id, &secret).await;
        let endpoint = WebhookEndpoint {
            id,
            tenant: scope.tenant(),
            url: new.url.clone(),
            events: without_repeats(&new.events),
            description: new.description.clone().filter(|text| !text.is_empty()),
            secrets: vec![sealed.map_err(|error| Problem::internal(&error))?],
            status: EndpointStatus::Enabled,
            failures: 0,
            created_at: self.platform.clock.now(),
            revision: 0,
        };
        let details = vec![("url", json!(endpoint.url)), ("events", json!(endpoint.events))];
        let act = Act { action: "webhook.create", kind: "webhook", id: &id, details };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        let (endpoint, secret) =
            match self.store.transaction().create(&endpoint)?.create(&event)?.commit().await {
                Ok(()) => (endpoint, secret),
                // The request before this one registered it and died before it could show the secret.
                Err(error) if error.failed_at(0) && request.seed.is_some() => {
                    self.registered(scope, id).await?
                }
                Err(error) => return Err(error.into()),
            };
        let secret = secret.reveal().expose().clone();
        let reply = Reply::created(CreatedWebhook { webhook: endpoint.into(), secret });
        Ok(reply.with_header("Location", format!("/v1/webhooks/{id}")))
    }

    /// An endpoint that an earlier try of the same request registered, with its secret.
    async fn registered(
        &self,
        scope: &TenantScope,
        id: WebhookId,
    ) -> Result<(WebhookEndpoint, WebhookSecret), Problem> {
        let found = self.store.get::<WebhookEndpoint>(&WebhookEndpoint::key_of(scope, id)).await?;
        let endpoint = found.ok_or_else(|| Problem::not_found("webhook"))?;
        let secrets = open_secrets(&self.envelope, &endpoint, self.platform.clock.now()).await;
        let newest = secrets.map_err(|error| Problem::internal(&error))?.into_iter().next();
        Ok((endpoint, newest.ok_or_else(|| Problem::not_found("webhook"))?))
    }

    async fn room_for(&self, scope: &TenantScope, id: WebhookId) -> Result<(), Problem> {
        let range = WebhookEndpoint::of_tenant(scope).limit(MOST_ENDPOINTS + 1);
        let page = self.store.list::<WebhookEndpoint>(range).await?;
        let others = page.items.iter().filter(|endpoint| endpoint.id != id).count();
        if others < MOST_ENDPOINTS as usize {
            return Ok(());
        }
        let detail = format!("A tenant has {MOST_ENDPOINTS} webhook endpoints at most; remove one first.");
        Err(Problem::conflict("too-many-webhooks", detail).with_member("limit", json!(MOST_ENDPOINTS)))
    }

    async fn list(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<WebhookView>>, Problem> {
        let range = request.query.of(WebhookEndpoint::of_tenant(request.scope()?))?;
        Ok(Reply::ok(Listing::of(self.store.list::<WebhookEndpoint>(range).await?, WebhookView::from)))
    }

    async fn event_types(self: Arc<Self>, _: Request) -> Result<Reply<Listing<EventTypeView>>, Problem> {
        let view = |kind: &EventType| EventTypeView { name: kind.name(), description: kind.description() };
        Ok(Reply::ok(Listing::whole(EventType::ALL.iter().map(view).collect())))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<WebhookView>, Problem> {
        Ok(Reply::ok(self.found(&request).await?.into()))
    }

    async fn change(self: Arc<Self>, request: Request<WebhookChange>) -> Result<Reply<WebhookView>, Problem> {
        let change = &request.body;
        let mut checks = Checks::default();
        if let Some(url) = &change.url {
            self.check_url(&mut checks, url);
        }
        let unknown = check_events(&mut checks, change.events.as_deref().unwrap_or_default());
        check_description(&mut checks, change.description.as_deref());
        done(checks, unknown)?;
        let mut details = Vec::new();
        if let Some(url) = &change.url {
            details.push(("url", json!(url)));
        }
        if let Some(events) = &change.events {
            details.push(("events", json!(without_repeats(events))));
        }
        if let Some(status) = change.status {
            let paused = status == SettableWebhookStatus::Paused;
            details.push(("status", json!(if paused { "paused" } else { "enabled" })));
        }
        let endpoint = self.save(&request, "webhook.update", details, |endpoint| {
            if let Some(url) = &change.url {
                endpoint.url.clone_from(url);
            }
            if let Some(events) = &change.events {
                endpoint.events = without_repeats(events);
            }
            if let Some(description) = &change.description {
                endpoint.description = Some(description.clone()).filter(|text| !text.is_empty());
            }
            match change.status {
                Some(SettableWebhookStatus::Paused) => endpoint.status = EndpointStatus::Paused,
                Some(SettableWebhookStatus::Enabled) => {
                    endpoint.status = EndpointStatus::Enabled;
                    endpoint.failures = 0;
                }
                None => {}
            }
            Ok(())
        });
        Ok(Reply::ok(endpoint.await?.into()))
    }

    async fn remove(self: Arc<Self>, request: Request) -> Result<Reply<()>, Problem> {
        let endpoint = self.found(&request).await?;
        let scope = request.scope()?;
        let details = vec![("url", json!(endpoint.url))];
        let act = Act { action: "webhook.delete", kind: "webhook", id: &endpoint.id, details };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        let key = WebhookEndpoint::key_of(scope, endpoint.id);
        match self.store.transaction().delete::<WebhookEndpoint>(&key)?.create(&event)?.commit().await {
            Ok(()) => Ok(Reply::no_content()),
            Err(error) if error.failed_at(0) => Err(Problem::not_found("webhook")),
            Err(error) => Err(error.into()),
        }
    }

    async fn found<B, Q>(&self, request: &Request<B, Q>) -> Result<WebhookEndpoint, Problem> {
        let key = WebhookEndpoint::key_of(request.scope()?, request.path("id", "webhook")?);
        self.store.get(&key).await?.ok_or_else(|| Problem::not_found("webhook"))
    }

    /// Changes an endpoint with its audit event. Deliveries change endpoints too: a change that met one is made
    /// again on what is there now.
    async fn save<B, Q>(
        &self,
        request: &Request<B, Q>,
        action: &'static str,
        details: Vec<(&'static str, Value)>,
        mut change: impl FnMut(&mut WebhookEndpoint) -> Result<(), Problem>,
    ) -> Result<WebhookEndpoint, Problem> {
        let scope = request.scope()?;
        for _ in 0..ATTEMPTS {
            let mut endpoint = self.found(request).await?;
            change(&mut endpoint)?;
            let act = Act { action, kind: "webhook", id: &endpoint.id, details: details.clone() };
            let event = self.recorder.of(scope, &request.caller, act).await?;
            match self.store.transaction().replace(&endpoint)?.create(&event)?.commit().await {
                Ok(()) => return Ok(endpoint),
                Err(StoreError::Refused { .. } | StoreError::Contention) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Contention.into())
    }

    /// What can be known of a URL without asking anyone; its name is resolved and checked at every attempt.
    fn check_url(&self, checks: &mut Checks, text: &str) {
        if text.len() > 2048 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return checks.refuse("/url", "bad-url", "must be a URL of at most 2048 bytes without blanks");
        }
        match Url::parse(text) {
            Err(error) => checks.refuse("/url", "bad-url", format!("must be a URL with its scheme: {error}")),
            Ok(url) => {
                if let Err(error) = self.outbound.guard().check_url(&url) {
                    checks.refuse("/url", error.code(), error.to_string());
                }
            }
        }
    }
}
