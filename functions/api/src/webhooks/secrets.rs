//! Rotation of an endpoint's signing secret: for the overlap its messages carry signatures of both.

use std::sync::Arc;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toss_delivery::webhook::{WebhookSecret, seal_secret};
use toss_runtime::api::{Access, Problem, Reply, Request, Route};

use super::Webhooks;

/// Thirty days.
const LONGEST_OVERLAP: u32 = 30 * 24 * 3600;
/// Every secret in use is one more signature on every message.
const MOST_SECRETS: usize = 5;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretRotation {
    /// Seconds for which messages are signed with the old secret too. A day when not given; 0 stops it at once.
    #[serde(default = "a_day")]
    #[schemars(range(min = 0, max = 2_592_000))]
    overlap_seconds: u32,
}

const fn a_day() -> u32 {
    24 * 3600
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct RotatedSecret {
    /// The new secret, shown only now.
    secret: String,
    /// Until when the old one is used too.
    old_valid_until: Timestamp,
}

pub(super) fn routes() -> Vec<Route<Webhooks>> {
    let (path, access) = ("/v1/webhooks/{id}/secret", Access::Action("webhooks:rotate"));
    let summary = "Replace the signing secret; the old one signs on for the overlap";
    vec![Route::new(Method::POST, path, access, 200, summary, Webhooks::rotate)]
}

impl Webhooks {
    async fn rotate(
        self: Arc<Self>,
        request: Request<SecretRotation>,
    ) -> Result<Reply<RotatedSecret>, Problem> {
        let overlap = request.body.overlap_seconds;
        if overlap > LONGEST_OVERLAP {
            let message = format!("must be from 0 to {LONGEST_OVERLAP}");
            let problem = json!([{ "pointer": "/overlap_seconds", "code": "range", "message": message }]);
            return Err(Problem::invalid("The overlap is out of range.", problem));
        }
        let id = self.found(&request).await?.id;
        let now = self.platform.clock.now();
        let until = now.saturating_add(SignedDuration::from_secs(overlap.into())).unwrap_or(Timestamp::MAX);
        let secret = WebhookSecret::generate().map_err(|error| Problem::internal(&error))?;
        let sealed = seal_secret(&self.envelope, request.scope()?.tenant(), id, &secret).await;
        let sealed = sealed.map_err(|error| Problem::internal(&error))?;
        let details = vec![("old_valid_until", json!(until))];
        self.save(&request, "webhook.rotate", details, |endpoint| {
            for old in &mut endpoint.secrets {
                old.expires_at = Some(old.expires_at.map_or(until, |expires| expires.min(until)));
            }
            endpoint.secrets.retain(|old| old.expires_at.is_some_and(|at| at > now));
            if endpoint.secrets.len() >= MOST_SECRETS {
                return Err(Problem::conflict(
                    "too-many-secrets",
                    "Several secrets are still in their overlap; wait, or rotate with 'overlap_seconds': 0.",
                ));
            }
            endpoint.secrets.insert(0, sealed.clone());
            Ok(())
        })
        .await?;
        Ok(Reply::ok(RotatedSecret { secret: secret.reveal().expose().clone(), old_valid_until: until }))
    }
}
