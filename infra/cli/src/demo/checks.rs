//! What the demo checks for itself, as an outsider would.

use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::Value;
use toss_audit::{VerifierKey, verify_inclusion};
use toss_delivery::webhook::{Signed, WebhookSecret, verify};
use toss_kernel::{Clock as _, SystemClock};

use super::receiver::Received;
use crate::{api::Api, failure::Failure};

/// How long anything may take that the platform does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A step of the demo that does not hold.
pub(super) fn broken(what: impl Into<String>) -> Failure {
    Failure::Broken(what.into())
}

/// Waits until something is so.
pub(super) async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(4);
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() > PATIENCE {
            return Err(broken(format!("{what} did not come about within {} s", PATIENCE.as_secs())));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Waits for the end of an execution, which must be `status`.
pub(super) async fn ended(api: &Api, execution: &str, status: &str) -> Result<Value, Failure> {
    let found = eventually(&format!("the end of {execution}"), async || {
        let execution = api.get(&format!("/v1/executions/{execution}")).await?;
        Ok((execution["status"] != "running").then_some(execution))
    })
    .await?;
    if found["status"] == status {
        return Ok(found);
    }
    Err(broken(format!("the execution should have {status}, but it is: {found}")))
}

/// Checks the signature of a webhook by the rules of Standard Webhooks.
pub(super) fn signature(secret: &str, webhook: &Received) -> Result<(), Failure> {
    let header = |headers: &HeaderMap, name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
            .ok_or_else(|| broken(format!("the webhook has no header {name}")))
    };
    let signed = Signed {
        id: header(&webhook.headers, "webhook-id")?,
        timestamp: header(&webhook.headers, "webhook-timestamp")?,
        signature: header(&webhook.headers, "webhook-signature")?,
    };
    let secret =
        WebhookSecret::parse(secret).map_err(|error| broken(format!("the webhook's secret: {error}")))?;
    verify(&[secret], &signed, &webhook.body, SystemClock.now())
        .map_err(|error| broken(format!("the webhook's signature: {error}")))
}

/// Checks, with the public key alone, that the log holds the event.
pub(super) fn inclusion(proof: &str, leaf: &[u8], key: &str) -> Result<(u64, u64), Failure> {
    let key: VerifierKey =
        key.trim().parse().map_err(|error| broken(format!("the log's public key: {error}")))?;
    let inclusion = verify_inclusion(proof, leaf, &key)
        .map_err(|error| broken(format!("the inclusion proof: {error}")))?;
    let mut forged = leaf.to_vec();
    if let Some(byte) = forged.last_mut() {
        *byte ^= 1;
    }
    // A check that cannot fail is none: the same proof must not hold for another leaf.
    if verify_inclusion(proof, &forged, &key).is_ok() {
        return Err(broken("the inclusion proof also holds for a forged event"));
    }
    Ok((inclusion.index, inclusion.checkpoint.size))
}
