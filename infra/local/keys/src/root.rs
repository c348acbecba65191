//! The root key, under which all key material is sealed at rest.

use std::path::Path;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use crate::{KeysError, files};

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;

/// Seals and opens key material.
pub(crate) struct RootKey {
    key: LessSafeKey,
    random: SystemRandom,
}

impl RootKey {
    /// Reads the root key, or makes one where there are no sealed keys yet.
    pub(crate) fn open(path: &Path, sealed_keys_exist: bool) -> Result<Self, KeysError> {
        let random = SystemRandom::new();
        let bytes = match files::read(path)? {
            Some(bytes) => bytes,
            None if sealed_keys_exist => return Err(KeysError::NoRoot { path: path.to_owned() }),
            None => {
                let mut bytes = vec![0; KEY_LENGTH];
                random.fill(&mut bytes).map_err(|_| KeysError::Crypto { action: "make a root key" })?;
                files::replace(path, &bytes)?;
                bytes
            }
        };
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| KeysError::Damaged {
            path: path.to_owned(),
            reason: format!("it has {} bytes instead of {KEY_LENGTH}", bytes.len()),
        })?;
        Ok(Self { key: LessSafeKey::new(key), random })
    }

    /// Seals material under the name of what it belongs to.
    pub(crate) fn seal(&self, material: &[u8], name: &str) -> Result<Vec<u8>, KeysError> {
        let failed = || KeysError::Crypto { action: "seal key material" };
        let mut nonce = [0; NONCE_LENGTH];
        self.random.fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = material.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .map_err(|_| failed())?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens sealed material; none if it was sealed under another root key or name, or is damaged.
    pub(crate) fn unseal(&self, sealed: &[u8], name: &str) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        let mut opened = sealed.to_vec();
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(name), &mut opened)
            .ok()?
            .len();
        opened.truncate(length);
        Some(opened)
    }
}
