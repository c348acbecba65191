//! Signed tree heads: C2SP tlog-checkpoint in a C2SP signed note.
//!
//! One signing key serves all tenants. A log's origin, `toss/<environment>/<tenant id>`, is the name of its
//! key too, so that every tenant's verifier key is its own text, and a checkpoint of one log can never pass
//! for another's. Formats: <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

use std::{fmt, future::Future, str::FromStr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use signed_note::{Note, NoteError, Signature, StandardVerifier, Verifier, VerifierList, key_id};
use tlog_tiles::Hash;
use toss_kernel::id::TenantId;

use crate::keys::KeyServiceError;

/// Bytes of an Ed25519 public key.
pub const PUBLIC_KEY_LENGTH: usize = 32;

/// Bytes of an Ed25519 signature.
pub const SIGNATURE_LENGTH: usize = 64;

/// The signature type of Ed25519 in signed notes.
const ED25519: u8 = 1;

/// The name of a log: the first line of its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin of a tenant's log in an environment such as `prod`.
    ///
    /// # Errors
    /// [`OriginError`] when the environment's name has characters that a key name cannot hold.
    pub fn new(environment: &str, tenant: TenantId) -> Result<Self, OriginError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if environment.is_empty() || !environment.bytes().all(good) {
            return Err(OriginError { given: environment.to_owned() });
        }
        Ok(Self(format!("toss/{environment}/{tenant}")))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An environment's name that cannot stand in an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment '{given}' cannot name a log: use letters, digits, '-', '_' and '.'")]
pub struct OriginError {
    given: String,
}

/// Holds the log's private key, or asks who does.
pub trait LogSigner: Send + Sync {
    /// The Ed25519 public key.
    fn public_key(&self) -> impl Future<Output = Result<[u8; PUBLIC_KEY_LENGTH], KeyServiceError>> + Send;

    /// The Ed25519 signature of a message.
    fn sign(
        &self,
        message: &[u8],
    ) -> impl Future<Output = Result<[u8; SIGNATURE_LENGTH], KeyServiceError>> + Send;
}

impl<S: LogSigner> LogSigner for Arc<S> {
    async fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LENGTH], KeyServiceError> {
        S::public_key(self).await
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], KeyServiceError> {
        S::sign(self, message).await
    }
}

/// The public key of one log as verifiers take it: `<origin>+<key id>+<base64 of type and key>`.
#[derive(Clone)]
pub struct VerifierKey {
    text: String,
    verifier: StandardVerifier,
}

/// A text that is not a verifier key of an Ed25519 log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: expected '<origin>+<8 hexadecimal digits>+<base64>' with an Ed25519 key")]
pub struct VerifierKeyError;

impl VerifierKey {
    /// The verifier key of a log.
    ///
    /// # Errors
    /// [`VerifierKeyError`] when the bytes are not a point of the curve.
    pub fn new(origin: &Origin, public_key: &[u8; PUBLIC_KEY_LENGTH]) -> Result<Self, VerifierKeyError> {
        let key = [&[ED25519], public_key.as_slice()].concat();
        let origin = origin.as_str();
        format!("{origin}+{:08x}+{}", key_id(origin, &key), BASE64_STANDARD.encode(&key)).parse()
    }

    /// The origin of the log it verifies.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The first bytes of the key's hash, as signature lines carry them.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.verifier.key_id()
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let text = text.trim();
        let verifier = StandardVerifier::new(text).map_err(|_| VerifierKeyError)?;
        Ok(Self { text: text.to_owned(), verifier })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tree head whose signature holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Events in it.
    pub size: u64,
    /// Its root hash.
    pub root: Hash,
}

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key service failed.
    #[error(transparent)]
    KeyService(#[from] KeyServiceError),
    /// The key service's key or signature does not verify.
    #[error("the key service's signature does not verify under its own public key; check the log key's id")]
    DoesNotVerify,
}

/// Why a checkpoint is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or not a tree head inside.
    #[error("not a checkpoint: expected a C2SP signed note of origin, size and root hash")]
    Malformed,
    /// No signature of the key, or a wrong one.
    #[error("the checkpoint carries no valid signature of the key of '{origin}'")]
    NotSigned {
        /// The log whose key was given.
        origin: String,
    },
    /// Signed by the right key for another log.
    #[error("the checkpoint is of the log '{found}' and not of '{expected}'")]
    OtherLog {
        /// The key's log.
        expected: String,
        /// The checkpoint's.
        found: String,
    },
}

/// The text that is signed.
fn body(origin: &Origin, size: u64, root: Hash) -> String {
    format!("{}\n{size}\n{root}\n", origin.as_str())
}

/// Signs a tree head, checks the signature and answers the signed note.
///
/// Call it only for a head that the store has taken: a signed head is a promise that cannot be taken back.
///
/// # Errors
/// [`SignError`] when the key service fails or its signature does not verify.
pub async fn sign(
    signer: &impl LogSigner,
    origin: &Origin,
    size: u64,
    root: Hash,
) -> Result<String, SignError> {
    let public_key = signer.public_key().await?;
    let key = VerifierKey::new(origin, &public_key).map_err(|_| SignError::DoesNotVerify)?;
    let body = body(origin, size, root);
    let signature = signer.sign(body.as_bytes()).await?;
    let note = assemble(&body, origin, key.id(), signature).map_err(|_| SignError::DoesNotVerify)?;
    verify(&note, &key).map_err(|_| SignError::DoesNotVerify)?;
    Ok(note)
}

fn assemble(
    body: &str,
    origin: &Origin,
    id: u32,
    signature: [u8; SIGNATURE_LENGTH],
) -> Result<String, NoteError> {
    let signature = Signature::new(origin.as_str().to_owned(), id, signature.to_vec())?;
    let note = Note::new(body.as_bytes(), &[signature])?;
    String::from_utf8(note.to_bytes()).map_err(|_| NoteError::MalformedNote)
}

/// Checks a signed note against a log's verifier key and answers the tree head in it.
///
/// # Errors
/// [`CheckpointError`] when it is not a checkpoint of that log, signed by that key.
pub fn verify(note: &str, key: &VerifierKey) -> Result<Checkpoint, CheckpointError> {
    let note = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
    let known = VerifierList::new(vec![Box::new(key.verifier.clone())]);
    note.verify(&known).map_err(|_| CheckpointError::NotSigned { origin: key.origin().to_owned() })?;
    let head = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
    if head.origin() != key.origin() {
        return Err(CheckpointError::OtherLog {
            expected: key.origin().to_owned(),
            found: head.origin().to_owned(),
        });
    }
    Ok(Checkpoint { origin: head.origin().to_owned(), size: head.size(), root: *head.hash() })
}

#[cfg(test)]
mod tests {
    use signed_note::{Signer as _, StandardSigner};

    use super::*;
    use crate::{
        merkle::{EMPTY_HASH, record_hash},
        tests::{TestSigner, block_on, tenant},
    };

    fn origin() -> Origin {
        Origin::new("test", tenant()).unwrap()
    }

    #[test]
    fn a_checkpoint_verifies_under_its_own_logs_key_only() {
        let signer = TestSigner::new(1);
        let note = block_on(sign(&signer, &origin(), 3, record_hash(b"x"))).unwrap();
        let key = VerifierKey::new(&origin(), &block_on(signer.public_key()).unwrap()).unwrap();
        let head = verify(&note, &key).unwrap();
        assert_eq!((head.size, head.root), (3, record_hash(b"x")));
        assert!(note.starts_with("toss/test/ten_00000000000000000000000007\n3\n"));
        assert_eq!(key.to_string().parse::<VerifierKey>().unwrap().to_string(), key.to_string());

        let other = VerifierKey::new(&origin(), &block_on(TestSigner::new(2).public_key()).unwrap()).unwrap();
        assert!(matches!(verify(&note, &other), Err(CheckpointError::NotSigned { .. })));
        let elsewhere = Origin::new("prod", tenant()).unwrap();
        let elsewhere = VerifierKey::new(&elsewhere, &block_on(signer.public_key()).unwrap()).unwrap();
        assert!(verify(&note, &elsewhere).is_err(), "the same key under another origin is another key");
    }

    #[test]
    fn a_changed_size_or_root_breaks_the_signature() {
        let signer = TestSigner::new(1);
        let note = block_on(sign(&signer, &origin(), 3, EMPTY_HASH)).unwrap();
        let key = VerifierKey::new(&origin(), &block_on(signer.public_key()).unwrap()).unwrap();
        assert!(verify(&note.replacen("\n3\n", "\n4\n", 1), &key).is_err());
        assert!(verify(&note.replacen("47DEQ", "47DER", 1), &key).is_err());
        for cut in 0..note.len() {
            if note.is_char_boundary(cut) {
                assert!(verify(&note[..cut], &key).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn the_note_is_the_one_that_the_go_implementation_makes() {
        // The key, text and signature of golang.org/x/mod/sumdb/note's documentation.
        let signer = StandardSigner::new(
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        )
        .unwrap();
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signature = signer.sign(text.as_bytes()).unwrap().try_into().unwrap();
        let note = assemble(text, &Origin("PeterNeumann".to_owned()), signer.key_id(), signature).unwrap();
        assert_eq!(
            note,
            "If you think cryptography is the answer to your problem,\n\
             then you don't know what your problem is.\n\
             \n\
             — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        let key: VerifierKey =
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
        assert_eq!(key.id(), 0xc74f_20a3);
        let encoded = BASE64_STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let made = VerifierKey::new(&Origin("PeterNeumann".to_owned()), encoded[1..].try_into().unwrap());
        assert_eq!(made.unwrap().to_string(), key.to_string());
    }
}
