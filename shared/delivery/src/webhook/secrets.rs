//! Signing secrets at rest: encrypted under the tenant's data key, bound to their endpoint.

use jiff::Timestamp;
use toss_audit::{Binding, DataKeys, Envelope, EnvelopeError, Sealed, WrappedKey};
use toss_kernel::id::{TenantId, WebhookId};
use toss_store::webhooks::{SealedSecret, WebhookEndpoint};

use super::{SecretError, WebhookSecret};

/// Why an endpoint's secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Encryption failed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What was decrypted is not a secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Encrypts a secret for storage, as the current one of its endpoint.
///
/// # Errors
/// [`SecretsError`] when the key service fails.
pub async fn seal_secret<K: DataKeys>(
    envelope: &Envelope<K>,
    tenant: TenantId,
    webhook: WebhookId,
    secret: &WebhookSecret,
) -> Result<SealedSecret, SecretsError> {
    let binding = Binding::webhook_secret(tenant, webhook);
    let sealed = envelope.seal(tenant, &binding, secret.reveal().expose().as_bytes()).await?;
    Ok(SealedSecret { wrapped_key: sealed.key.0, ciphertext: sealed.ciphertext, expires_at: None })
}

/// Decrypts the secrets of an endpoint that are in use at `now`, newest first.
///
/// # Errors
/// [`SecretsError`] when one does not open.
pub async fn open_secrets<K: DataKeys>(
    envelope: &Envelope<K>,
    endpoint: &WebhookEndpoint,
    now: Timestamp,
) -> Result<Vec<WebhookSecret>, SecretsError> {
    let binding = Binding::webhook_secret(endpoint.tenant, endpoint.id);
    let mut secrets = Vec::with_capacity(endpoint.secrets.len());
    for stored in &endpoint.secrets {
        if stored.expires_at.is_some_and(|at| at <= now) {
            continue;
        }
        let sealed =
            Sealed { key: WrappedKey(stored.wrapped_key.clone()), ciphertext: stored.ciphertext.clone() };
        let text = envelope.open(endpoint.tenant, &binding, &sealed).await?;
        let text = String::from_utf8(text).map_err(|_| SecretError::Malformed)?;
        secrets.push(WebhookSecret::parse(&text)?);
    }
    Ok(secrets)
}
