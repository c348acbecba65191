//! Key material, and what is done with it.

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
    signature::{
        self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
        ECDSA_P384_SHA384_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey,
    },
};
use toss_kernel::Secret;

use crate::{KeySpec, KeysError};

// What stands before the public key in its SubjectPublicKeyInfo: lengths, the algorithm's and curve's object
// identifiers, and the head of the bit string (RFC 8410 section 4, RFC 5480 section 2).
const ED25519_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const P256_PREFIX: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384_PREFIX: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

/// Material in the form that it is used in. It has no `Debug`.
pub(crate) enum Material {
    Symmetric(Secret<[u8; 32]>),
    Ed25519(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
    P384(Box<EcdsaKeyPair>),
    Mac(hmac::Key),
}

/// Makes new material for a key, in the form that [`Material::read`] takes.
pub(crate) fn generate(spec: KeySpec, random: &SystemRandom) -> Result<Vec<u8>, KeysError> {
    let failed = |_| KeysError::Crypto { action: "make key material" };
    let document = match spec {
        KeySpec::EccNistEdwards25519 => Ed25519KeyPair::generate_pkcs8(random).map_err(failed)?,
        KeySpec::EccNistP256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, random).map_err(failed)?
        }
        KeySpec::EccNistP384 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, random).map_err(failed)?
        }
        KeySpec::SymmetricDefault | KeySpec::Hmac256 => return random_bytes(32, random),
        KeySpec::Hmac384 => return random_bytes(48, random),
        KeySpec::Hmac512 => return random_bytes(64, random),
    };
    Ok(document.as_ref().to_vec())
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes(length: usize, random: &SystemRandom) -> Result<Vec<u8>, KeysError> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes).map_err(|_| KeysError::Crypto { action: "draw random bytes" })?;
    Ok(bytes)
}

impl Material {
    /// The material of a key of this spec; none if the bytes are not such material.
    pub(crate) fn read(spec: KeySpec, bytes: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        Some(match spec {
            KeySpec::SymmetricDefault => Self::Symmetric(Secret::new(bytes.try_into().ok()?)),
            KeySpec::EccNistEdwards25519 => Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(bytes).ok()?)),
            KeySpec::EccNistP256 => Self::P256(Box::new(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes, &random).ok()?,
            )),
            KeySpec::EccNistP384 => Self::P384(Box::new(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, bytes, &random).ok()?,
            )),
            KeySpec::Hmac256 => Self::Mac(hmac::Key::new(hmac::HMAC_SHA256, bytes)),
            KeySpec::Hmac384 => Self::Mac(hmac::Key::new(hmac::HMAC_SHA384, bytes)),
            KeySpec::Hmac512 => Self::Mac(hmac::Key::new(hmac::HMAC_SHA512, bytes)),
        })
    }

    /// The signature of a message; none if this material does not sign.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::P256(pair) | Self::P384(pair) => {
                Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
            }
            Self::Symmetric(_) | Self::Mac(_) => None,
        }
    }

    /// Whether this material made the signature.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn signature::VerificationAlgorithm = match self {
            Self::Ed25519(_) => &ED25519,
            Self::P256(_) => &ECDSA_P256_SHA256_ASN1,
            Self::P384(_) => &ECDSA_P384_SHA384_ASN1,
            Self::Symmetric(_) | Self::Mac(_) => return false,
        };
        self.public_point()
            .is_some_and(|point| UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok())
    }

    /// The message authentication code; none if this material makes none.
    pub(crate) fn mac(&self, message: &[u8]) -> Option<Vec<u8>> {
        let Self::Mac(key) = self else { return None };
        Some(hmac::sign(key, message).as_ref().to_vec())
    }

    /// Whether this material made the code, compared in constant time.
    pub(crate) fn verify_mac(&self, message: &[u8], mac: &[u8]) -> bool {
        matches!(self, Self::Mac(key) if hmac::verify(key, message, mac).is_ok())
    }

    /// The public key as DER SubjectPublicKeyInfo; none if there is no public half.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        let prefix = match self {
            Self::Ed25519(_) => ED25519_PREFIX,
            Self::P256(_) => P256_PREFIX,
            Self::P384(_) => P384_PREFIX,
            Self::Symmetric(_) | Self::Mac(_) => return None,
        };
        Some([prefix, self.public_point()?].concat())
    }

    fn public_point(&self) -> Option<&[u8]> {
        match self {
            Self::Ed25519(pair) => Some(pair.public_key().as_ref()),
            Self::P256(pair) | Self::P384(pair) => Some(pair.public_key().as_ref()),
            Self::Symmetric(_) | Self::Mac(_) => None,
        }
    }
}
