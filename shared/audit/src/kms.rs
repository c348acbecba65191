//! The key service behind the AWS SDK: data keys and log signatures from KMS.

use aws_sdk_kms::{
    Client,
    error::DisplayErrorContext,
    primitives::Blob,
    types::{DataKeySpec, MessageType, SigningAlgorithmSpec},
};
use tokio::sync::OnceCell;
use toss_kernel::id::TenantId;

use crate::{
    checkpoint::{LogSigner, PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH},
    envelope::{DataKey, SealError, WrappedKey},
    keys::{DataKeys, EnvelopeError, KeyServiceError},
};

/// The field of the encryption context that names the tenant, for key policies and CloudTrail.
pub const TENANT_CONTEXT: &str = "tenant";

/// Data keys from KMS, one customer master key for all tenants, told apart by encryption context.
#[derive(Debug, Clone)]
pub struct KmsDataKeys {
    client: Client,
    key_id: String,
}

impl KmsDataKeys {
    /// Data keys under the master key `key_id` (id, ARN or alias).
    pub fn new(client: Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into() }
    }
}

/// Keeps what the SDK says about a failure and drops its large type.
fn failed<E: std::error::Error>(operation: &'static str) -> impl FnOnce(E) -> KeyServiceError {
    move |error| KeyServiceError::new(operation, DisplayErrorContext(&error).to_string())
}

fn missing(operation: &'static str) -> KeyServiceError {
    KeyServiceError::new(operation, "the answer lacks a field")
}

impl DataKeys for KmsDataKeys {
    async fn generate(&self, tenant: TenantId) -> Result<DataKey, EnvelopeError> {
        const OPERATION: &str = "generate a data key";
        let answer = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(TENANT_CONTEXT, tenant.to_string())
            .send()
            .await
            .map_err(failed(OPERATION))?;
        let plaintext = answer.plaintext.ok_or_else(|| missing(OPERATION))?;
        let wrapped = answer.ciphertext_blob.ok_or_else(|| missing(OPERATION))?;
        Ok(DataKey::new(plaintext.as_ref(), WrappedKey(wrapped.into_inner()))?)
    }

    async fn unwrap(&self, tenant: TenantId, wrapped: &WrappedKey) -> Result<DataKey, EnvelopeError> {
        const OPERATION: &str = "unwrap a data key";
        let answer = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped.0.clone()))
            .encryption_context(TENANT_CONTEXT, tenant.to_string())
            .send()
            .await
            .map_err(failed(OPERATION))?;
        let plaintext = answer.plaintext.ok_or(SealError::KeyLength)?;
        Ok(DataKey::new(plaintext.as_ref(), wrapped.clone())?)
    }
}

/// Signs checkpoints with an Ed25519 key that never leaves KMS.
#[derive(Debug)]
pub struct KmsLogSigner {
    client: Client,
    key_id: String,
    public_key: OnceCell<[u8; PUBLIC_KEY_LENGTH]>,
}

impl KmsLogSigner {
    /// A signer with the key `key_id` (spec `ECC_NIST_EDWARDS25519`).
    pub fn new(client: Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into(), public_key: OnceCell::new() }
    }

    async fn fetch_public_key(&self) -> Result<[u8; PUBLIC_KEY_LENGTH], KeyServiceError> {
        const OPERATION: &str = "tell the log's public key";
        let answer =
            self.client.get_public_key().key_id(&self.key_id).send().await.map_err(failed(OPERATION))?;
        let der = answer.public_key.ok_or_else(|| missing(OPERATION))?;
        ed25519_public_key(der.as_ref())
            .ok_or_else(|| KeyServiceError::new(OPERATION, "the log key is not an Ed25519 key"))
    }
}

impl LogSigner for KmsLogSigner {
    async fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LENGTH], KeyServiceError> {
        self.public_key.get_or_try_init(|| self.fetch_public_key()).await.copied()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], KeyServiceError> {
        const OPERATION: &str = "sign a checkpoint";
        let answer = self
            .client
            .sign()
            .key_id(&self.key_id)
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(failed(OPERATION))?;
        let signature = answer.signature.ok_or_else(|| missing(OPERATION))?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| KeyServiceError::new(OPERATION, "the signature is not 64 bytes long"))
    }
}

/// The 32 bytes inside an Ed25519 key's SubjectPublicKeyInfo (RFC 8410), which has one encoding only.
fn ed25519_public_key(der: &[u8]) -> Option<[u8; PUBLIC_KEY_LENGTH]> {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.strip_prefix(&PREFIX)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_of_rfc_8410_is_read() {
        // RFC 8410, section 10.1.
        let der = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x19, 0xbf, 0x44, 0x09,
            0x69, 0x84, 0xcd, 0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96, 0xc8, 0x50, 0x86, 0xaa,
            0x30, 0xb6, 0xb6, 0xcb, 0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
        ];
        assert_eq!(ed25519_public_key(&der).unwrap()[..2], [0x19, 0xbf]);
        assert!(ed25519_public_key(&der[..43]).is_none());
        assert!(ed25519_public_key(&[&der[..], &[0]].concat()).is_none());
    }
}
