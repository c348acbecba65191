//! Issuing and recognising API keys.

use std::sync::Arc;

use jiff::Timestamp;
use ring::hmac;
use toss_kernel::{Clock, Secret, id::KeyId};
use toss_runtime::{ConfigurationError, Platform, api::Problem};
use toss_store::clients::{ApiKey, Client};

use crate::{
    SecretError, Secrets,
    text::{self, RandomnessError, hex, unhex},
};

/// What a new key is made for.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Its id.
    pub id: KeyId,
    /// The client that will hold it; the key has its roles, scopes and rate policy.
    pub client: &'a Client,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// A key as it was issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// What is stored.
    pub record: ApiKey,
    /// The key itself, shown once.
    pub key: Secret<String>,
}

/// Why no key was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The platform's secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Secret(error) => error.into(),
            IssueError::Randomness(error) => Self::internal(&error),
        }
    }
}

/// Makes API keys and recognises them.
#[derive(Clone)]
pub struct Issuer {
    secrets: Arc<Secrets>,
    environment: String,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// The issuer of a deployment.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            secrets: Arc::new(Secrets::new(platform)?),
            environment: platform.environment.required("TOSS_ENVIRONMENT")?.to_owned(),
            clock: Arc::clone(&platform.clock),
        })
    }

    pub(crate) const fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Makes a key; the caller stores its record.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn issue(&self, new: NewKey<'_>) -> Result<Issued, IssueError> {
        let secret = self.secrets.newest().await?;
        let key = text::generate(&self.environment, new.id)?;
        let client = new.client;
        let record = ApiKey {
            id: new.id,
            tenant: client.tenant,
            client: client.id,
            name: client.name.clone(),
            roles: client.roles.clone(),
            scopes: client.scopes.clone(),
            rate_policy: client.rate_policy,
            digest: hex(hmac::sign(&secret.pepper, key.expose().as_bytes()).as_ref()),
            pepper: secret.version,
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
            replaced_by: None,
            revision: 0,
        };
        Ok(Issued { record, key })
    }

    /// The id that a bearer token of this environment carries.
    #[must_use]
    pub fn id_of(&self, bearer: &str) -> Option<KeyId> {
        text::parse(&self.environment, bearer)
    }

    /// Whether the token is the key of the record.
    ///
    /// # Errors
    /// [`SecretError`] when the secret that the key was made with cannot be used.
    pub async fn matches(&self, record: &ApiKey, bearer: &str) -> Result<bool, SecretError> {
        let secret = self.secrets.version(record.pepper).await?;
        let digest = unhex(&record.digest).unwrap_or_default();
        Ok(hmac::verify(&secret.pepper, bearer.as_bytes(), &digest).is_ok())
    }
}
