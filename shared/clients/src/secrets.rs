//! The platform's secret, from which the pepper of API keys and the key of stored answers are derived.
//!
//! It is random, made once (a conditional write decides between two makers), and stands in the directory
//! wrapped by the key service. A function unwraps a version once and keeps it in memory.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_kms::{Client, error::DisplayErrorContext, primitives::Blob, types::DataKeySpec};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{aead, hkdf, hmac};
use tokio::sync::Mutex;
use toss_kernel::Clock;
use toss_runtime::{ConfigurationError, Platform, api::Problem};
use toss_store::{Store, StoreError, clients::PlatformSecret};

/// What the wrapped secret is bound to.
const PURPOSE: (&str, &str) = ("purpose", "platform-secret");

/// Why the platform's secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The directory did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key service did not answer, or refused.
    #[error(
        "the key service did not {operation} the platform's secret; check the data key's policy: {cause}"
    )]
    KeyService {
        /// What it was asked.
        operation: &'static str,
        /// What it said.
        cause: String,
    },
    /// A version that is named nowhere.
    #[error("version {0} of the platform's secret is missing from the directory; restore it from a backup")]
    Missing(u32),
    /// The stored form is not what it should be.
    #[error("version {0} of the platform's secret cannot be read")]
    Malformed(u32),
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

/// What is derived from one version of the secret.
pub(crate) struct Derived {
    pub(crate) version: u32,
    pub(crate) pepper: hmac::Key,
    pub(crate) answers: aead::LessSafeKey,
}

impl Derived {
    fn new(version: u32, secret: &[u8]) -> Result<Arc<Self>, SecretError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"toss/platform-secret/v1").extract(secret);
        let malformed = |_| SecretError::Malformed(version);
        let pepper = hmac::Key::from(root.expand(&[b"api-keys"], hmac::HMAC_SHA256).map_err(malformed)?);
        let answers =
            aead::UnboundKey::from(root.expand(&[b"answers"], &aead::AES_256_GCM).map_err(malformed)?);
        Ok(Arc::new(Self { version, pepper, answers: aead::LessSafeKey::new(answers) }))
    }
}

/// The versions of the platform's secret.
pub struct Secrets {
    store: Store,
    kms: Client,
    key_id: String,
    clock: Arc<dyn Clock>,
    known: Mutex<BTreeMap<u32, Arc<Derived>>>,
}

impl Secrets {
    /// The secrets of a deployment.
    ///
    /// # Errors
    /// [`ConfigurationError`] when the function was not told the data key.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            kms: platform.sdk.kms().clone(),
            key_id: platform.environment.required("TOSS_DATA_KEY_ID")?.to_owned(),
            clock: Arc::clone(&platform.clock),
            known: Mutex::default(),
        })
    }

    /// A version that something was made with.
    pub(crate) async fn version(&self, version: u32) -> Result<Arc<Derived>, SecretError> {
        let mut known = self.known.lock().await;
        if let Some(derived) = known.get(&version) {
            return Ok(Arc::clone(derived));
        }
        let record = self.store.get::<PlatformSecret>(&PlatformSecret::key_of(version)).await?;
        let derived = self.unwrap(&record.ok_or(SecretError::Missing(version))?).await?;
        known.insert(version, Arc::clone(&derived));
        Ok(derived)
    }

    /// The newest version, made now if there is none.
    pub(crate) async fn newest(&self) -> Result<Arc<Derived>, SecretError> {
        let mut known = self.known.lock().await;
        if let Some((_, derived)) = known.last_key_value() {
            return Ok(Arc::clone(derived));
        }
        let found = self.store.list::<PlatformSecret>(PlatformSecret::newest_first().limit(1)).await?;
        let derived = match found.items.first() {
            Some(record) => self.unwrap(record).await?,
            None => self.make_first().await?,
        };
        known.insert(derived.version, Arc::clone(&derived));
        Ok(derived)
    }

    async fn make_first(&self) -> Result<Arc<Derived>, SecretError> {
        let failed = |cause| SecretError::KeyService { operation: "make", cause };
        let key = self
            .kms
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .send()
            .await
            .map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
        let missing = || failed("its answer lacks a field".to_owned());
        let plaintext = key.plaintext.ok_or_else(missing)?;
        let wrapped = key.ciphertext_blob.ok_or_else(missing)?;
        let record = PlatformSecret {
            version: 1,
            wrapped: STANDARD.encode(wrapped.as_ref()),
            created_at: self.clock.now(),
        };
        match self.store.create(&record).await {
            Ok(()) => Derived::new(1, plaintext.as_ref()),
            // Another function was first; its secret counts.
            Err(StoreError::Conflict) => {
                let record = self.store.get::<PlatformSecret>(&PlatformSecret::key_of(1)).await?;
                self.unwrap(&record.ok_or(SecretError::Missing(1))?).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn unwrap(&self, record: &PlatformSecret) -> Result<Arc<Derived>, SecretError> {
        let wrapped = STANDARD.decode(&record.wrapped).map_err(|_| SecretError::Malformed(record.version))?;
        let answer = self
            .kms
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped))
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .send()
            .await
            .map_err(|error| SecretError::KeyService {
                operation: "unwrap",
                cause: DisplayErrorContext(error).to_string(),
            })?;
        let plaintext = answer.plaintext.ok_or(SecretError::Malformed(record.version))?;
        Derived::new(record.version, plaintext.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use toss_store::testing::Tables;

    use super::*;

    #[tokio::test]
    async fn two_functions_that_start_together_share_one_secret() {
        let tables = Tables::new();
        let (one, other) =
            (Secrets::new(&tables.platform()).unwrap(), Secrets::new(&tables.platform()).unwrap());
        let (one, other) = tokio::join!(one.newest(), other.newest());
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(hmac::sign(&one.pepper, b"x").as_ref(), hmac::sign(&other.pepper, b"x").as_ref());
        let third = Secrets::new(&tables.platform()).unwrap().version(1).await.unwrap();
        assert_eq!(hmac::sign(&one.pepper, b"x").as_ref(), hmac::sign(&third.pepper, b"x").as_ref());
    }

    #[tokio::test]
    async fn a_version_that_was_never_made_is_missing() {
        let secrets = Secrets::new(&Tables::new().platform()).unwrap();
        assert!(matches!(secrets.version(3).await, Err(SecretError::Missing(3))));
    }
}
