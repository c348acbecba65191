//! What outsiders verify: leaves, proofs, signed heads, the public key. All of it is text, as the C2SP formats
//! define it, so that a saved answer is a file for other people's verifiers too.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use toss_audit::{LogError, LogStore as _, TrailError, merkle::ProveError};
use toss_kernel::id::AuditEventId;
use toss_runtime::api::{Problem, Reply, Request};

use super::{Audit, text};

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointQuery {
    /// The head as it was at so many events; the newest when not given.
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsistencyQuery {
    /// Events of the earlier log.
    from: u64,
    /// Events of the later log; the newest when not given.
    #[serde(default)]
    to: Option<u64>,
}

impl Audit {
    pub(super) async fn leaf(self: Arc<Self>, request: Request) -> Result<Reply<String>, Problem> {
        let id: AuditEventId = request.path("id", "audit event")?;
        let found = self.log.store().events(request.scope()?, &[id]).await;
        let found = found.map_err(|error| failure(LogError::Store(error)))?;
        let stored = found.first().ok_or_else(|| Problem::not_found("audit event"))?;
        Ok(text(stored.leaf().as_str().to_owned()))
    }

    pub(super) async fn proof(self: Arc<Self>, request: Request) -> Result<Reply<String>, Problem> {
        let id: AuditEventId = request.path("id", "audit event")?;
        Ok(text(self.log.inclusion_proof(request.scope()?, id).await.map_err(failure)?))
    }

    pub(super) async fn checkpoint(
        self: Arc<Self>,
        request: Request<(), CheckpointQuery>,
    ) -> Result<Reply<String>, Problem> {
        let scope = request.scope()?;
        let head = match request.query.size {
            None => self.log.checkpoint(scope).await,
            Some(size) => self.log.checkpoint_at(scope, size).await,
        };
        Ok(text(head.map_err(failure)?.note))
    }

    pub(super) async fn consistency(
        self: Arc<Self>,
        request: Request<(), ConsistencyQuery>,
    ) -> Result<Reply<String>, Problem> {
        let ConsistencyQuery { from, to } = request.query;
        Ok(text(self.log.consistency_proof(request.scope()?, from, to).await.map_err(failure)?))
    }

    pub(super) async fn key(self: Arc<Self>, request: Request) -> Result<Reply<String>, Problem> {
        let key = self.log.verifier_key(request.scope()?.tenant()).await.map_err(failure)?;
        Ok(text(format!("{key}\n")))
    }
}

fn failure(error: LogError<TrailError>) -> Problem {
    match error {
        LogError::Store(TrailError::Store(error)) => error.into(),
        LogError::NoSuchEvent(_) => Problem::not_found("audit event"),
        error @ LogError::NotYetSealed(_) => {
            Problem::conflict("not-sealed-yet", format!("{error}.")).with_header("Retry-After", "1")
        }
        LogError::Prove(error @ ProveError::OutOfRange { size, .. }) => {
            Problem::bad_request("outside-the-log", format!("{error}.")).with_member("size", json!(size))
        }
        LogError::Contended => Problem::unavailable("The log is being written to; try again."),
        error => Problem::internal(&error),
    }
}
