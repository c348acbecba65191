//! The service as the home sees it: typed calls, and KMS's protocol.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use toss_kernel::Clock;
use toss_local_protocol::{Caller, JsonService, ServiceError};

use crate::{
    KeySpec, KeyUsage, KeysError, Permission,
    operations::{self, Effect, Inner},
    store::Store,
};

/// What a key service is opened with.
pub struct KeysOptions {
    /// Where the keys lie; made if it is not there.
    pub directory: PathBuf,
    /// The region that ARNs name.
    pub region: String,
    /// The account that ARNs name.
    pub account: String,
    /// Tells when keys were made, rotate and go.
    pub clock: Arc<dyn Clock>,
}

/// The keys of a home. Cloning gives another handle to the same keys.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

impl Keys {
    /// Opens the keys of a directory. Blocks on the disk; one process at a time may have a directory open, which
    /// the home's own lock sees to.
    pub fn open(options: KeysOptions) -> Result<Self, KeysError> {
        let KeysOptions { directory, region, account, clock } = options;
        let inner = Inner { store: Store::open(&directory)?, region, account, clock };
        inner.remove_gone_keys()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The key that the template calls `logical_id`: made the first time, the same one ever after. Answers its id.
    pub fn ensure_key(&self, logical_id: &str, spec: KeySpec, usage: KeyUsage) -> Result<String, KeysError> {
        self.inner.ensure_key(logical_id, spec, usage)
    }

    /// Makes `alias` (such as `alias/toss-data`) name this key, as an alias of the template does.
    pub fn ensure_alias(&self, alias: &str, key_id: &str) -> Result<(), KeysError> {
        self.inner.ensure_alias(alias, key_id)
    }

    /// The ARN of a key id.
    pub fn key_arn(&self, key_id: &str) -> String {
        self.inner.key_arn(key_id)
    }

    /// The permissions that a call needs, for a home that checks them before it calls.
    pub fn permissions(&self, operation: &str, body: &[u8]) -> Vec<Permission> {
        self.inner.permissions(operation, body)
    }
}

impl JsonService for Keys {
    fn target_prefix(&self) -> &'static str {
        "TrentService"
    }

    fn content_type(&self) -> &'static str {
        "application/x-amz-json-1.1"
    }

    fn call<'a>(
        &'a self,
        _caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>> {
        async move {
            let operation =
                operations::find(operation).ok_or_else(|| ServiceError::unknown_operation(operation))?;
            match operation.effect {
                Effect::None => operation.run(&self.inner, &body),
                // Changes wait for the disk.
                Effect::Change => {
                    let inner = self.inner.clone();
                    let run = move || operation.run(&inner, &body);
                    tokio::task::spawn_blocking(run).await.unwrap_or_else(|cause| {
                        tracing::error!(%cause, "a key operation did not finish");
                        Err(operations::internal())
                    })
                }
            }
        }
        .boxed()
    }
}
