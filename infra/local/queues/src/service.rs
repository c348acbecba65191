//! The service as the home sees it: typed calls, and SQS's protocol.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;
use toss_kernel::Clock;
use toss_local_journal::{Journal, Options};
use toss_local_protocol::{Caller, JsonService, ServiceError};

use crate::{Permission, QueuesError, inner::Inner, name::Address, permission};

/// What a queue service is opened with.
pub struct QueuesOptions {
    /// Where the journal lies; made if it is not there.
    pub directory: PathBuf,
    /// The region that ARNs name.
    pub region: String,
    /// The account that ARNs and URLs name.
    pub account: String,
    /// What queue URLs begin with, such as `http://127.0.0.1:4566`.
    pub base_url: String,
    /// Tells when messages were sent, become visible and expire.
    pub clock: Arc<dyn Clock>,
    /// How the journal behaves.
    pub journal: Options,
}

/// The queues of a home. Cloning gives another handle to the same queues.
#[derive(Clone)]
pub struct Queues {
    pub(crate) inner: Arc<Inner>,
}

impl Queues {
    /// Opens the queues of a directory and reads their journal. Blocks on the disk.
    pub fn open(options: QueuesOptions) -> Result<Self, QueuesError> {
        let QueuesOptions { directory, region, account, base_url, clock, journal } = options;
        let (journal, recovered) = Journal::open(&directory, journal)?;
        let address = Address { region, account };
        let inner = Inner::new(address, base_url, clock, journal, recovered)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes the queue of a template, or gives the queue that is there these attributes. Answers its URL.
    ///
    /// The dead-letter queue that a `RedrivePolicy` names must have been made before.
    pub async fn ensure_queue(
        &self,
        name: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<String, ServiceError> {
        self.inner.ensure_queue(name, attributes).await
    }

    /// What queue URLs begin with from now on: the address is known only once its port is bound.
    pub fn set_base_url(&self, base_url: &str) {
        let base_url = base_url.trim_end_matches('/').to_owned();
        *self.inner.base_url.write().unwrap_or_else(PoisonError::into_inner) = base_url;
    }

    /// The URL of a queue.
    pub fn queue_url(&self, name: &str) -> String {
        self.inner.queue_url(name)
    }

    /// The ARN of a queue.
    pub fn queue_arn(&self, name: &str) -> String {
        self.inner.address.arn(name)
    }

    /// The permissions that a call needs, for a home that checks them before it calls.
    pub fn permissions(&self, operation: &str, body: &[u8]) -> Vec<Permission> {
        permission::needed(&self.inner.address, operation, body)
    }

    /// Replaces the journal by the present state. It happens by itself when the journal has grown; at shutdown
    /// it makes the next start faster. Blocks on the disk.
    pub fn compact(&self) -> Result<(), QueuesError> {
        Ok(self.inner.compact()?)
    }

    /// Makes all waiting receivers look at the clock and the queue again: for who moves the clock by hand.
    pub fn wake_receivers(&self) {
        self.inner.lock().queues().for_each(|(_, queue)| queue.wake());
    }
}

impl JsonService for Queues {
    fn target_prefix(&self) -> &'static str {
        "AmazonSQS"
    }

    fn content_type(&self) -> &'static str {
        "application/x-amz-json-1.0"
    }

    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>> {
        async move {
            let answer = self.inner.carry_out(caller, operation, &body).await?;
            self.inner.compact_if_due();
            Ok(if answer == Value::Null { Bytes::new() } else { answer.to_string().into() })
        }
        .boxed()
    }
}
