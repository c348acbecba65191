//! What kinds of key there are, what each is for, and by which algorithms.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kind of a key's material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySpec {
    /// AES-256-GCM.
    #[serde(rename = "SYMMETRIC_DEFAULT")]
    SymmetricDefault,
    /// ECDSA over NIST P-256.
    #[serde(rename = "ECC_NIST_P256")]
    EccNistP256,
    /// ECDSA over NIST P-384.
    #[serde(rename = "ECC_NIST_P384")]
    EccNistP384,
    /// Ed25519.
    #[serde(rename = "ECC_NIST_EDWARDS25519")]
    EccNistEdwards25519,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC_256")]
    Hmac256,
    /// HMAC with SHA-384.
    #[serde(rename = "HMAC_384")]
    Hmac384,
    /// HMAC with SHA-512.
    #[serde(rename = "HMAC_512")]
    Hmac512,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyUsage {
    /// Encrypt, decrypt, and data keys.
    #[serde(rename = "ENCRYPT_DECRYPT")]
    EncryptDecrypt,
    /// Signatures.
    #[serde(rename = "SIGN_VERIFY")]
    SignVerify,
    /// Message authentication codes.
    #[serde(rename = "GENERATE_VERIFY_MAC")]
    GenerateVerifyMac,
}

/// A name that is not one of those this crate serves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "keys.unknown-name: '{0}' is not a key spec or usage of the embedded KMS; use one of those its documentation lists"
)]
pub struct UnknownName(String);

impl KeySpec {
    const ALL: [Self; 7] = [
        Self::SymmetricDefault,
        Self::EccNistP256,
        Self::EccNistP384,
        Self::EccNistEdwards25519,
        Self::Hmac256,
        Self::Hmac384,
        Self::Hmac512,
    ];

    /// The name that KMS gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
            Self::EccNistP256 => "ECC_NIST_P256",
            Self::EccNistP384 => "ECC_NIST_P384",
            Self::EccNistEdwards25519 => "ECC_NIST_EDWARDS25519",
            Self::Hmac256 => "HMAC_256",
            Self::Hmac384 => "HMAC_384",
            Self::Hmac512 => "HMAC_512",
        }
    }

    /// The one usage that keys of this spec have here.
    pub const fn usage(self) -> KeyUsage {
        match self {
            Self::SymmetricDefault => KeyUsage::EncryptDecrypt,
            Self::EccNistP256 | Self::EccNistP384 | Self::EccNistEdwards25519 => KeyUsage::SignVerify,
            Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => KeyUsage::GenerateVerifyMac,
        }
    }

    /// The one algorithm that keys of this spec are used with here.
    pub(crate) const fn algorithm(self) -> &'static str {
        match self {
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
            Self::EccNistP256 => "ECDSA_SHA_256",
            Self::EccNistP384 => "ECDSA_SHA_384",
            Self::EccNistEdwards25519 => "ED25519_SHA_512",
            Self::Hmac256 => "HMAC_SHA_256",
            Self::Hmac384 => "HMAC_SHA_384",
            Self::Hmac512 => "HMAC_SHA_512",
        }
    }
}

impl KeyUsage {
    const ALL: [Self; 3] = [Self::EncryptDecrypt, Self::SignVerify, Self::GenerateVerifyMac];

    /// The name that KMS gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EncryptDecrypt => "ENCRYPT_DECRYPT",
            Self::SignVerify => "SIGN_VERIFY",
            Self::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
        }
    }

    /// The member of a key's metadata that lists its algorithms.
    pub(crate) const fn algorithms_member(self) -> &'static str {
        match self {
            Self::EncryptDecrypt => "EncryptionAlgorithms",
            Self::SignVerify => "SigningAlgorithms",
            Self::GenerateVerifyMac => "MacAlgorithms",
        }
    }
}

impl FromStr for KeySpec {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|spec| spec.as_str() == name).ok_or_else(|| UnknownName(name.into()))
    }
}

impl FromStr for KeyUsage {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|usage| usage.as_str() == name).ok_or_else(|| UnknownName(name.into()))
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
