//! From an `X-Amz-Target` to the service that answers it, past the caller's role.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use toss_local_protocol::{Caller, JsonService, ServiceError};

use super::wire::{Reply, reply};
use crate::iam::{Access, Authority};

/// Reads what a call of a service needs to be allowed.
pub(crate) type Permissions = Arc<dyn Fn(&str, &[u8]) -> Result<Vec<Access>, ServiceError> + Send + Sync>;

/// A service and what its calls need.
struct Registered {
    service: Arc<dyn JsonService>,
    permissions: Permissions,
}

/// The services of a home behind their target prefixes.
pub(crate) struct Router {
    authority: Arc<Authority>,
    services: BTreeMap<String, Registered>,
}

impl Router {
    /// A router without services.
    pub(crate) fn new(authority: Arc<Authority>) -> Self {
        Self { authority, services: BTreeMap::new() }
    }

    /// Adds a service under a target prefix.
    pub(crate) fn register(&mut self, prefix: &str, service: Arc<dyn JsonService>, permissions: Permissions) {
        self.services.insert(prefix.to_owned(), Registered { service, permissions });
    }

    /// Answers a request as the service's HTTP response. `target` is `<prefix>.<operation>`.
    pub(crate) async fn answer(&self, caller: &Caller, target: &str, body: Bytes) -> Reply {
        let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
        let Some(registered) = self.services.get(prefix) else {
            let known = self.services.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("No service here answers to '{target}'; there are {known}.");
            let error = ServiceError::client("UnknownOperationException", message);
            return reply("application/x-amz-json-1.0", prefix, Err(error));
        };
        let result = self.authorised(registered, caller, operation, body).await;
        if let Err(error) = &result {
            tracing::debug!(%target, %error, "a call was answered with an error");
        }
        reply(registered.service.content_type(), prefix, result)
    }

    /// Calls an operation and answers its output alone.
    pub(crate) async fn call(
        &self,
        caller: &Caller,
        prefix: &str,
        operation: &str,
        body: Bytes,
    ) -> Result<Bytes, ServiceError> {
        match self.services.get(prefix) {
            Some(registered) => self.authorised(registered, caller, operation, body).await,
            None => Err(ServiceError::unknown_operation(&format!("{prefix}.{operation}"))),
        }
    }

    async fn authorised(
        &self,
        registered: &Registered,
        caller: &Caller,
        operation: &str,
        body: Bytes,
    ) -> Result<Bytes, ServiceError> {
        if *caller != Caller::Owner {
            self.authority.check(caller, &(registered.permissions)(operation, &body)?)?;
        }
        registered.service.call(caller, operation, body).await
    }
}
