//! Events, one by one, in pages, and as a file. Reading many of them is itself on record.

use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use toss_audit::ocsf;
use toss_kernel::id::AuditEventId;
use toss_runtime::api::{Problem, Reply, Request};
use toss_store::audit::AuditRecord;

use super::{
    Audit,
    scan::{Filter, Window},
    view::AuditEventView,
};
use crate::{
    listing::{Limit, Listing},
    record::Act,
};

/// How often a reader who lists events is put on record.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Readers that one function remembers.
const MOST_READERS: usize = 1000;
/// The most events of one part of an export.
const EXPORTED: u32 = 1000;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditEventsQuery {
    /// Only events from then on.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only events up to then.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Only this action, such as `task.decide`, or `task.*`.
    #[serde(default)]
    action: Option<String>,
    /// Only what this person, client or key did, or what was done for it.
    #[serde(default)]
    principal: Option<String>,
    /// Only what was done to the thing with this id, or to things of this kind.
    #[serde(default)]
    target: Option<String>,
    /// How many items at most. With a filter a page may hold fewer, even none, and still have a next one.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditExportQuery {
    /// Only events from then on.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only events up to then.
    #[serde(default)]
    to: Option<Timestamp>,
    /// How many events at most: 1 to 1000, 1000 when not given.
    #[serde(default = "most")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// The `Next-Cursor` header of the part before.
    #[serde(default)]
    cursor: Option<String>,
}

const fn most() -> u32 {
    EXPORTED
}

impl Audit {
    pub(super) async fn list(
        self: Arc<Self>,
        request: Request<(), AuditEventsQuery>,
    ) -> Result<Reply<Listing<AuditEventView>>, Problem> {
        let query = request.query.clone();
        let window = Window { from: query.from, to: query.to, cursor: query.cursor, newest_first: true };
        let filter = Filter { action: query.action, principal: query.principal, target: query.target };
        let limit = query.limit.get() as usize;
        let scanned = self.scan(request.scope()?, &window, &filter, limit).await?;
        self.note_reader(&request).await?;
        let items = scanned.events.into_iter().map(AuditEventView::from).collect();
        Ok(Reply::ok(Listing { items, next_cursor: scanned.next.map(|id| id.to_string()) }))
    }

    pub(super) async fn event(self: Arc<Self>, request: Request) -> Result<Reply<AuditEventView>, Problem> {
        let id: AuditEventId = request.path("id", "audit event")?;
        let found = self.store.get::<AuditRecord>(&AuditRecord::key_of(request.scope()?, id)).await?;
        let record = found.ok_or_else(|| Problem::not_found("audit event"))?;
        Ok(Reply::ok(self.read(record).await?.into()))
    }

    /// One part of the log as a file. Every part is on record before it is given out.
    pub(super) async fn export(
        self: Arc<Self>,
        request: Request<(), AuditExportQuery>,
    ) -> Result<Reply<String>, Problem> {
        let query = request.query.clone();
        if !(1..=EXPORTED).contains(&query.limit) {
            let detail = format!("'limit' must be a number from 1 to {EXPORTED}.");
            return Err(Problem::bad_request("bad-query", detail));
        }
        let window = Window { from: query.from, to: query.to, cursor: query.cursor, newest_first: false };
        let scanned = self.scan(request.scope()?, &window, &Filter::default(), query.limit as usize).await?;
        let details = vec![
            ("from", json!(query.from)),
            ("to", json!(query.to)),
            ("events", json!(scanned.events.len())),
        ];
        self.record(&request, "audit.export", details).await?;
        let mut lines = String::new();
        for read in scanned.events {
            let document = match &read.event {
                Ok(event) => ocsf::document(event),
                Err(why) => json!({
                    "metadata": { "uid": read.id, "version": ocsf::SCHEMA_VERSION },
                    "time": read.time.as_millisecond(),
                    "api": { "operation": read.action },
                    "unmapped": { "unreadable": why },
                }),
            };
            lines.push_str(&document.to_string());
            lines.push('\n');
        }
        let reply = Reply::ok(lines).with_header("Content-Type", "application/x-ndjson");
        Ok(match scanned.next {
            Some(next) => reply.with_header("Next-Cursor", next.to_string()),
            None => reply,
        })
    }

    /// Puts on record that the caller reads the log: once an hour for each reader and warm function, since an event
    /// for each page would fill the log with its own reading.
    async fn note_reader<B, Q>(&self, request: &Request<B, Q>) -> Result<(), Problem> {
        let principal = &request.caller.principal;
        let name = principal.key.map_or_else(|| principal.name.clone(), |key| key.to_string());
        let reader = (request.scope()?.tenant(), name);
        let now = self.clock.now();
        {
            let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.get(&reader).is_some_and(|noted| now.duration_since(*noted) < EVERY) {
                return Ok(());
            }
        }
        self.record(request, "audit.read", Vec::new()).await?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= MOST_READERS {
            readers.clear();
        }
        readers.insert(reader, now);
        Ok(())
    }

    async fn record<B, Q>(
        &self,
        request: &Request<B, Q>,
        action: &'static str,
        details: Vec<(&'static str, Value)>,
    ) -> Result<(), Problem> {
        let scope = request.scope()?;
        let act = Act { action, kind: "audit-log", id: &scope.tenant(), details };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        Ok(self.store.create(&event).await?)
    }
}
