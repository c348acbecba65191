//! The ciphertext blob: which key and material made it, and the sealed plaintext.
//!
//! `version (1) | key id (16) | material id (32) | salt (16) | nonce (12) | ciphertext and tag`. Each blob is
//! sealed under a key of its own, derived from the material by the salt, so that the number of random nonces a
//! material can spend has no bound that matters. The header and the encryption context are authenticated.

use std::collections::BTreeMap;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::blob;

const VERSION: u8 = 1;
const KEY_ID: usize = 16;
const MATERIAL_ID: usize = 32;
const SALT: usize = 16;
const NONCE: usize = 12;
const NAMES: usize = 1 + KEY_ID + MATERIAL_ID;
const HEADER: usize = NAMES + SALT + NONCE;

/// Names and values that a ciphertext is bound to.
pub(crate) type EncryptionContext = BTreeMap<String, String>;

/// What a blob says in clear about who made it.
pub(crate) struct Origin {
    pub(crate) key_id: String,
    pub(crate) material_id: String,
}

/// Reads who made a blob; none if no key of this service did.
pub(crate) fn origin(blob: &[u8]) -> Option<Origin> {
    let (header, _) = blob.split_first_chunk::<HEADER>()?;
    if header[0] != VERSION {
        return None;
    }
    let key_id: &[u8; KEY_ID] = header[1..=KEY_ID].try_into().ok()?;
    Some(Origin { key_id: blob::uuid_text(key_id), material_id: blob::hex(&header[1 + KEY_ID..NAMES]) })
}

/// Seals a plaintext; none if the ids are malformed or the system has no randomness.
pub(crate) fn seal(
    origin: &Origin,
    material: &[u8; 32],
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Option<Vec<u8>> {
    let mut header = [0; HEADER];
    header[0] = VERSION;
    header[1..=KEY_ID].copy_from_slice(&blob::unhex::<KEY_ID>(&origin.key_id)?);
    header[1 + KEY_ID..NAMES].copy_from_slice(&blob::unhex::<MATERIAL_ID>(&origin.material_id)?);
    SystemRandom::new().fill(&mut header[NAMES..]).ok()?;

    let (key, nonce) = key_of(&header, material)?;
    let mut sealed = plaintext.to_vec();
    key.seal_in_place_append_tag(nonce, associated_data(&header, context), &mut sealed).ok()?;
    Some([header.as_slice(), &sealed].concat())
}

/// Opens a blob; none if the material, the context or a single bit is another one.
pub(crate) fn open(blob: &[u8], material: &[u8; 32], context: &EncryptionContext) -> Option<Vec<u8>> {
    let (header, sealed) = blob.split_first_chunk::<HEADER>()?;
    let (key, nonce) = key_of(header, material)?;
    let mut opened = sealed.to_vec();
    let length = key.open_in_place(nonce, associated_data(header, context), &mut opened).ok()?.len();
    opened.truncate(length);
    Some(opened)
}

fn key_of(header: &[u8; HEADER], material: &[u8; 32]) -> Option<(LessSafeKey, Nonce)> {
    let mut derivation = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, material));
    derivation.update(b"toss-local-keys ciphertext\0");
    derivation.update(&header[NAMES..NAMES + SALT]);
    let key = UnboundKey::new(&AES_256_GCM, derivation.sign().as_ref()).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(&header[NAMES + SALT..]).ok()?;
    Some((LessSafeKey::new(key), nonce))
}

// Lengths stand before the texts, so that no two contexts have the same bytes.
fn associated_data(header: &[u8; HEADER], context: &EncryptionContext) -> Aad<Vec<u8>> {
    let mut bytes = header.to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin_of(key: u8) -> Origin {
        Origin { key_id: blob::uuid_text(&[key; 16]), material_id: blob::hex(&[7; 32]) }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_with_its_context_and_no_other(
            plaintext: Vec<u8>,
            context: EncryptionContext,
            other: EncryptionContext,
        ) {
            let sealed = seal(&origin_of(3), &[9; 32], &plaintext, &context).unwrap();
            prop_assert_eq!(open(&sealed, &[9; 32], &context), Some(plaintext));
            prop_assert_eq!(open(&sealed, &[9; 32], &other).is_some(), context == other);
            prop_assert_eq!(open(&sealed, &[8; 32], &context), None);
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(plaintext in prop::collection::vec(any::<u8>(), 0..64), at: prop::sample::Index, bit in 0..8u8) {
            let context = EncryptionContext::new();
            let mut sealed = seal(&origin_of(3), &[9; 32], &plaintext, &context).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(open(&sealed, &[9; 32], &context), None);
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
            prop_assert!(open(&bytes, &[9; 32], &EncryptionContext::new()).is_none());
            let _ = origin(&bytes);
        }
    }

    #[test]
    fn a_blob_names_the_key_that_made_it() {
        let sealed = seal(&origin_of(0xab), &[9; 32], b"text", &EncryptionContext::new()).unwrap();
        let origin = origin(&sealed).unwrap();
        assert_eq!(origin.key_id, "abababab-abab-abab-abab-abababababab");
        assert_eq!(origin.material_id, "07".repeat(32));
    }

    #[test]
    fn moving_a_boundary_between_name_and_value_changes_the_context() {
        let one = EncryptionContext::from([("ab".into(), "c".into())]);
        let other = EncryptionContext::from([("a".into(), "bc".into())]);
        let sealed = seal(&origin_of(1), &[9; 32], b"text", &one).unwrap();
        assert_eq!(open(&sealed, &[9; 32], &other), None);
    }
}
