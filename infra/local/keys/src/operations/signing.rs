//! Signatures and public keys.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, encryption::refuse_if, internal, lifecycle::OneKey};
use crate::{
    KeyUsage,
    blob::{Blob, encode},
    constraint::{blob, one_of, parse, required},
    refusal,
    store::Key,
};

const LONGEST_MESSAGE: usize = 4096;
const LONGEST_SIGNATURE: usize = 6144;

/// All that KMS signs with: a name outside is a mistake, one inside may still not fit the key.
const ALGORITHMS: [&str; 13] = [
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignOrVerify {
    key_id: Option<String>,
    message: Option<Blob>,
    message_type: Option<String>,
    signature: Option<Blob>,
    signing_algorithm: Option<String>,
    dry_run: Option<bool>,
}

impl Inner {
    pub(crate) fn sign(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let mut input: SignOrVerify = parse(body)?;
        let (key, message) = self.signing_key(&mut input, "Sign")?;
        refuse_if(input.dry_run)?;
        let (_, material) = key.current().ok_or_else(internal)?;
        let signature = material.sign(&message).ok_or_else(internal)?;
        Ok(json!({
            "KeyId": self.key_arn(&key.record.id),
            "Signature": encode(signature),
            "SigningAlgorithm": key.record.spec.algorithm(),
        }))
    }

    pub(crate) fn verify(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let mut input: SignOrVerify = parse(body)?;
        let signature = blob(input.signature.take(), "signature", 1..=LONGEST_SIGNATURE)?;
        let (key, message) = self.signing_key(&mut input, "Verify")?;
        refuse_if(input.dry_run)?;
        let (_, material) = key.current().ok_or_else(internal)?;
        if !material.verify(&message, &signature) {
            return Err(refusal::invalid_signature());
        }
        Ok(json!({
            "KeyId": self.key_arn(&key.record.id),
            "SignatureValid": true,
            "SigningAlgorithm": key.record.spec.algorithm(),
        }))
    }

    pub(crate) fn get_public_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneKey = parse(body)?;
        let key = self.resolve(&required(input.key_id, "keyId")?)?;
        let arn = self.key_arn(&key.record.id);
        let public_key = key.current().and_then(|(_, material)| material.public_key()).ok_or_else(|| {
            refusal::unsupported(format!("{arn} is a {} key and has no public key.", key.record.spec))
        })?;
        self.require_enabled(&key)?;
        Ok(json!({
            "KeyId": arn,
            "PublicKey": encode(public_key),
            "CustomerMasterKeySpec": key.record.spec,
            "KeySpec": key.record.spec,
            "KeyUsage": key.record.usage,
            "SigningAlgorithms": [key.record.spec.algorithm()],
        }))
    }

    fn signing_key(
        &self,
        input: &mut SignOrVerify,
        operation: &str,
    ) -> Result<(Arc<Key>, Vec<u8>), ServiceError> {
        let key_id = required(input.key_id.as_deref(), "keyId")?;
        let message = blob(input.message.take(), "message", 1..=LONGEST_MESSAGE)?;
        let algorithm = required(input.signing_algorithm.as_deref(), "signingAlgorithm")?;
        one_of(algorithm, "signingAlgorithm", &ALGORITHMS)?;
        let message_type = input.message_type.as_deref().unwrap_or("RAW");
        one_of(message_type, "messageType", &["RAW", "DIGEST", "EXTERNAL_MU"])?;
        let key = self.usable(key_id, KeyUsage::SignVerify, operation)?;
        if algorithm != key.record.spec.algorithm() {
            return Err(refusal::wrong_algorithm(algorithm, key.record.spec.as_str()));
        }
        if message_type != "RAW" {
            return Err(refusal::unsupported(format!(
                "MessageType {message_type} is not available here; send the message itself with MessageType RAW."
            )));
        }
        Ok((key, message))
    }
}
