//! What the pipeline asks before and after a handler; `toss-clients` answers.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use toss_kernel::{Principal, Secret};
use ulid::Ulid;

use super::{Problem, ProxyResponse, RouteDescription};

/// What a caller showed.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The bearer token.
    pub bearer: Secret<String>,
    /// The address it came from.
    pub source_ip: String,
}

/// The answer of the rate limit for an admitted request: headers to add, such as `RateLimit`.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Headers for the response.
    pub headers: BTreeMap<String, String>,
}

/// One request under an idempotency key.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The route.
    pub route: &'a RouteDescription,
    /// The caller's key, 1 to 255 printable ASCII characters.
    pub key: &'a str,
    /// SHA-256 of path, query and body: the same key with another request is refused.
    pub fingerprint: [u8; 32],
}

/// What is known under an idempotency key.
#[derive(Debug, Clone)]
pub enum Claim {
    /// Nothing: the request is ours to carry out, and the key is held for it. The seed is the same when a
    /// later request takes the key over from one that died: ids made from it are made once.
    Fresh(Ulid),
    /// It was carried out; this was the answer.
    Answered(ProxyResponse),
}

/// A request that authorisation refused, for the audit log.
#[derive(Debug, Clone)]
pub struct Denial<'a> {
    /// Who asked.
    pub principal: &'a Principal,
    /// For what.
    pub action: &'static str,
    /// The path.
    pub path: &'a str,
    /// From where.
    pub source_ip: &'a str,
}

/// Authentication, rate limits, authorisation and idempotency.
pub trait Gate: Send + Sync + 'static {
    /// Who holds the credential.
    fn authenticate<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Principal, Problem>>;

    /// Counts the request against the principal's limits; 429 when they are spent.
    fn admit<'a>(
        &'a self,
        principal: &'a Principal,
        route: &'a RouteDescription,
    ) -> BoxFuture<'a, Result<Admission, Problem>>;

    /// Whether the policy permits the action; 403 when not.
    ///
    /// # Errors
    /// The 403 problem.
    fn authorise(&self, principal: &Principal, action: &'static str) -> Result<(), Problem>;

    /// Puts a refusal on record.
    fn denied<'a>(&'a self, denial: Denial<'a>) -> BoxFuture<'a, ()>;

    /// Claims an idempotency key. 409 while another request holds it, 422 when it was used for another request.
    fn claim<'a>(&'a self, attempt: &'a Attempt<'a>) -> BoxFuture<'a, Result<Claim, Problem>>;

    /// Keeps the answer under the key (2xx and 4xx), or lets the key go (5xx).
    fn settle<'a>(&'a self, attempt: &'a Attempt<'a>, response: &'a ProxyResponse) -> BoxFuture<'a, ()>;
}
