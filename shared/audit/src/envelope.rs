//! Envelope encryption: AES-256-GCM under a tenant's data key, which a key service wraps.
//!
//! [`seal`] and [`open`] are pure. [`Envelope`] adds the key service and a cache of plaintext keys, so that a
//! warm function asks the service once in minutes and not once an event.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};
use toss_kernel::id::{TenantId, WebhookId};

use crate::{Header, encoding};

/// A data key as the key service wrapped it: opaque, and safe to store beside what it encrypts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappedKey(#[serde(with = "encoding::base64_bytes")] pub Vec<u8>);

impl WrappedKey {
    /// Names the key in leaves and logs: the first 16 hexadecimal digits of the wrapped form's SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        digest(&SHA256, &self.0).as_ref().iter().take(8).fold(String::with_capacity(16), |mut id, byte| {
            use std::fmt::Write as _;
            // Writing to a String does not fail.
            let _ = write!(id, "{byte:02x}");
            id
        })
    }
}

/// A data key in clear, in memory only.
pub struct DataKey {
    key: LessSafeKey,
    wrapped: WrappedKey,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("id", &self.wrapped.id()).finish_non_exhaustive()
    }
}

impl DataKey {
    /// The key from its 32 plaintext bytes and its wrapped form.
    ///
    /// # Errors
    /// [`SealError::KeyLength`] when there are not 32 bytes.
    pub fn new(plaintext: &[u8], wrapped: WrappedKey) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, plaintext).map_err(|_| SealError::KeyLength)?;
        Ok(Self { key: LessSafeKey::new(key), wrapped })
    }

    /// The wrapped form.
    #[must_use]
    pub const fn wrapped(&self) -> &WrappedKey {
        &self.wrapped
    }
}

/// Something encrypted, with the wrapped key that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The key, wrapped.
    pub key: WrappedKey,
    /// 12 bytes of nonce, the ciphertext, 16 bytes of tag.
    #[serde(with = "encoding::base64_bytes")]
    pub ciphertext: Vec<u8>,
}

/// What a ciphertext is bound to: opened under any other binding it is refused.
///
/// The bytes are the lines `toss-seal/v1`, the purpose, the tenant, and the names of the thing, each ended by
/// a newline. None of them can hold a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding(String);

impl Binding {
    /// An audit event: bound to its tenant, id and action.
    #[must_use]
    pub fn audit_event(header: &Header) -> Self {
        let (tenant, event, action) = (header.tenant, header.event, header.action.as_str());
        Self(format!("toss-seal/v1\naudit-event\n{tenant}\n{event}\n{action}\n"))
    }

    /// A webhook endpoint's signing secret.
    #[must_use]
    pub fn webhook_secret(tenant: TenantId, webhook: WebhookId) -> Self {
        Self(format!("toss-seal/v1\nwebhook-secret\n{tenant}\n{webhook}\n"))
    }
}

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key service gave a key of the wrong length.
    #[error("the data key is not 32 bytes long; check that the key service makes AES_256 data keys")]
    KeyLength,
    /// The operating system gave no randomness.
    #[error("the operating system's random generator failed; try again")]
    Randomness,
    /// The ciphertext, the key and the binding do not belong together.
    #[error("the ciphertext does not open: it was changed, or belongs to another tenant, record or key")]
    DoesNotOpen,
    /// The value has no serialised form.
    #[error("the value cannot be written as JSON")]
    Unserialisable,
    /// Too large to encrypt.
    #[error("the plaintext is too large to encrypt")]
    TooLarge,
}

/// Encrypts under a data key with a fresh random nonce.
///
/// # Errors
/// [`SealError::Randomness`] and [`SealError::TooLarge`].
pub fn seal(key: &DataKey, binding: &Binding, plaintext: &[u8]) -> Result<Sealed, SealError> {
    let mut nonce = [0_u8; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Randomness)?;
    let mut body = plaintext.to_vec();
    let tag = key
        .key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(binding.0.as_bytes()),
            &mut body,
        )
        .map_err(|_| SealError::TooLarge)?;
    let mut ciphertext = Vec::with_capacity(NONCE_LEN + body.len() + tag.as_ref().len());
    ciphertext.extend_from_slice(&nonce);
    ciphertext.append(&mut body);
    ciphertext.extend_from_slice(tag.as_ref());
    Ok(Sealed { key: key.wrapped.clone(), ciphertext })
}

/// Decrypts what [`seal`] made under the same key and binding.
///
/// # Errors
/// [`SealError::DoesNotOpen`] when anything differs.
pub fn open(key: &DataKey, binding: &Binding, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = sealed.ciphertext.split_first_chunk::<NONCE_LEN>().ok_or(SealError::DoesNotOpen)?;
    let mut body = body.to_vec();
    let length = key
        .key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(binding.0.as_bytes()), &mut body)
        .map_err(|_| SealError::DoesNotOpen)?
        .len();
    body.truncate(length);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::event;

    fn key(byte: u8) -> DataKey {
        DataKey::new(&[byte; 32], WrappedKey(vec![byte; 40])).unwrap()
    }

    #[test]
    fn a_ciphertext_opens_only_under_its_own_key_tenant_event_and_action() {
        let header = event(1, "task.decide").header();
        let sealed = seal(&key(7), &Binding::audit_event(&header), b"approved").unwrap();
        assert_eq!(open(&key(7), &Binding::audit_event(&header), &sealed).unwrap(), b"approved");
        let other_event = event(2, "task.decide").header();
        let other_action = event(1, "task.delegate").header();
        for (key, header) in [(key(8), &header), (key(7), &other_event), (key(7), &other_action)] {
            assert_eq!(open(&key, &Binding::audit_event(header), &sealed), Err(SealError::DoesNotOpen));
        }
    }

    #[test]
    fn the_same_plaintext_never_gives_the_same_ciphertext() {
        let binding = Binding::audit_event(&event(1, "a").header());
        assert_ne!(seal(&key(1), &binding, b"x").unwrap(), seal(&key(1), &binding, b"x").unwrap());
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(plaintext: Vec<u8>, at: prop::sample::Index, flip in 1_u8..) {
            let binding = Binding::audit_event(&event(1, "a").header());
            let mut sealed = seal(&key(1), &binding, &plaintext).unwrap();
            prop_assert_eq!(open(&key(1), &binding, &sealed).unwrap(), plaintext);
            let at = at.index(sealed.ciphertext.len());
            sealed.ciphertext[at] ^= flip;
            prop_assert_eq!(open(&key(1), &binding, &sealed), Err(SealError::DoesNotOpen));
        }
    }
}
