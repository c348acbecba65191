//! The functions of the template and where they run: in this process, or as Lambda binaries.
//!
//! [`Functions`] is Lambda's front: it finds a function, holds its concurrency and its limits on payloads, and
//! hands the invocation to a [`Host`].

mod binaries;
mod identity;
mod in_process;
mod invocation;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

pub(crate) use binaries::Binaries;
pub(crate) use identity::Identity;
pub(crate) use in_process::InProcessHost;
pub use in_process::Registries;
pub(crate) use invocation::{FunctionResult, Invocation, InvokeError, error_document};

use crate::template::model::Function;

/// The most bytes that an invocation takes or answers: Lambda's limit for synchronous calls.
pub(crate) const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// Invocations of one function at once, where the template does not say.
const CONCURRENCY: usize = 1000;

/// Runs functions.
pub(crate) trait Host: Send + Sync + 'static {
    /// Runs one invocation to its end, however long that takes; the host cuts it off at its deadline.
    fn run<'a>(
        &'a self,
        function: &'a Arc<Function>,
        invocation: Invocation,
    ) -> BoxFuture<'a, FunctionResult>;

    /// Ends whatever the host keeps running.
    fn shut_down(&self) -> BoxFuture<'_, ()>;
}

/// The functions of a home.
pub(crate) struct Functions {
    functions: BTreeMap<String, Entry>,
    host: Arc<dyn Host>,
}

struct Entry {
    function: Arc<Function>,
    slots: Arc<Semaphore>,
}

impl Functions {
    /// The functions of a template on a host.
    pub(crate) fn new(functions: impl IntoIterator<Item = Arc<Function>>, host: Arc<dyn Host>) -> Self {
        let entry = |function: Arc<Function>| {
            let slots = function.reserved_concurrency.unwrap_or(CONCURRENCY).min(CONCURRENCY);
            (function.name.clone(), Entry { function, slots: Arc::new(Semaphore::new(slots)) })
        };
        Self { functions: functions.into_iter().map(entry).collect(), host }
    }

    /// The function of a name or an ARN, with or without a qualifier.
    pub(crate) fn find(&self, name_or_arn: &str) -> Option<&Arc<Function>> {
        self.entry(name_or_arn).map(|entry| &entry.function)
    }

    fn entry(&self, name_or_arn: &str) -> Option<&Entry> {
        let name = name_or_arn.rsplit(":function:").next().unwrap_or_default();
        self.functions.get(name.split(':').next().unwrap_or_default())
    }

    /// Invokes a function and waits for its answer. An invocation runs to its end even when nobody waits for
    /// it any more. When all the function's slots are taken, it waits for one.
    pub(crate) async fn invoke(
        &self,
        name_or_arn: &str,
        payload: Bytes,
    ) -> Result<FunctionResult, InvokeError> {
        let Some(entry) = self.entry(name_or_arn) else {
            return Err(InvokeError::Unknown { function: name_or_arn.to_owned() });
        };
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::PayloadTooLarge { size: payload.len() });
        }
        if entry.function.reserved_concurrency == Some(0) {
            return Err(InvokeError::Throttled { function: entry.function.name.clone() });
        }
        let throttled = || InvokeError::Throttled { function: entry.function.name.clone() };
        let slot = Arc::clone(&entry.slots).acquire_owned().await.map_err(|_| throttled())?;
        let (host, function) = (Arc::clone(&self.host), Arc::clone(&entry.function));
        let invocation = Invocation::begin(payload, &function);
        let running = tokio::spawn(async move {
            let _slot = slot;
            let request_id = invocation.request_id.clone();
            let result = host.run(&function, invocation).await;
            if let Err(error) = &result {
                tracing::warn!(function = %function.name, %request_id, error = %error, "an invocation failed");
            }
            result
        });
        Ok(running.await.unwrap_or_else(|_| Err(invocation::crashed("unknown"))))
    }

    /// Ends whatever functions keep running.
    pub(crate) async fn shut_down(&self) {
        self.host.shut_down().await;
    }
}
