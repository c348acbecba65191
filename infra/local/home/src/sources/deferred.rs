//! Lambda's queue of asynchronous invocations: what rules, timers and `InvocationType: Event` hand over is on
//! disk before they are told so, and is tried again when the function fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use toss_local_protocol::{Caller, JsonService as _, ServiceError};
use toss_local_queues::{Delivery, Queues};

use crate::functions::{Functions, InvokeError};
use crate::listen::Closing;

const QUEUE: &str = "invocations";
/// How long to wait before each further attempt. Lambda makes two, after one and two minutes; the first here
/// comes sooner, since who sits at the machine waits for it.
const RETRIES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(60), Duration::from_secs(120)];
/// Invocations at once.
const AT_ONCE: u32 = 16;

/// The queue of asynchronous invocations.
#[derive(Clone)]
pub(crate) struct Deferred {
    queues: Queues,
    url: Arc<str>,
}

impl Deferred {
    /// The queue in these queues, which are nobody else's.
    pub(crate) async fn open(queues: Queues) -> Result<Self, ServiceError> {
        let attributes = BTreeMap::from([
            // Lambda keeps an event for six hours.
            ("MessageRetentionPeriod".to_owned(), "21600".to_owned()),
            ("VisibilityTimeout".to_owned(), "1000".to_owned()),
            ("MaximumMessageSize".to_owned(), "1048576".to_owned()),
        ]);
        let url = queues.ensure_queue(QUEUE, attributes).await?;
        queues.release_in_flight(QUEUE)?;
        Ok(Self { queues, url: url.into() })
    }

    /// Takes an invocation in; it is on disk when this answers.
    pub(crate) async fn invoke(&self, function: &str, payload: &Value) -> Result<(), ServiceError> {
        let message = json!({ "function": function, "payload": payload }).to_string();
        let body = json!({ "QueueUrl": &*self.url, "MessageBody": message }).to_string();
        self.queues.call(&Caller::Owner, "SendMessage", body.into()).await.map(drop)
    }

    /// Invokes what waits until the home closes.
    pub(crate) async fn run(self, functions: Arc<Functions>, mut closing: Closing) {
        let slots = Arc::new(Semaphore::new(AT_ONCE as usize));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let received = tokio::select! {
                received = self.queues.receive(QUEUE, 1, None, Duration::from_secs(20)) => received,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let deliveries = match received {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    tracing::error!(%error, "asynchronous invocations cannot be read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            };
            if let Some(delivery) = deliveries.into_iter().next() {
                let (deferred, functions) = (self.clone(), Arc::clone(&functions));
                tokio::spawn(async move {
                    let _slot = slot;
                    deferred.attempt(&functions, &delivery).await;
                });
            }
        }
        // What runs is let finish.
        let _ = slots.acquire_many(AT_ONCE).await;
    }

    async fn attempt(&self, functions: &Functions, delivery: &Delivery) {
        let message: Value = serde_json::from_str(delivery.body()).unwrap_or_default();
        let function = message.get("function").and_then(Value::as_str).unwrap_or_default();
        let payload = Bytes::from(message.get("payload").cloned().unwrap_or_default().to_string());
        let attempt = usize::try_from(delivery.receive_count()).unwrap_or(usize::MAX);
        let result = match functions.invoke(function, payload).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            // Trying again would not find it either.
            Err(error @ (InvokeError::Unknown { .. } | InvokeError::PayloadTooLarge { .. })) => {
                tracing::error!(function, %error, "an asynchronous invocation was given up");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        };
        let handle = delivery.receipt_handle();
        let outcome = match (result, RETRIES.get(attempt.saturating_sub(1))) {
            (Ok(()), _) => self.queues.delete(QUEUE, handle).await,
            (Err(error), Some(pause)) => {
                tracing::warn!(
                    function,
                    attempt,
                    error,
                    "an asynchronous invocation failed and is tried again"
                );
                self.queues.change_visibility(QUEUE, handle, *pause)
            }
            (Err(error), None) => {
                tracing::error!(function, attempt, error, "an asynchronous invocation was given up");
                self.queues.delete(QUEUE, handle).await
            }
        };
        if let Err(error) = outcome {
            tracing::error!(function, %error, "an asynchronous invocation could not be settled");
        }
    }
}
