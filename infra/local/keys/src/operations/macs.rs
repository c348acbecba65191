//! Message authentication codes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, encryption::refuse_if, internal};
use crate::{
    KeyUsage,
    blob::{Blob, encode},
    constraint::{blob, one_of, parse, required},
    refusal,
    store::Key,
};

const LONGEST_MESSAGE: usize = 4096;
const LONGEST_MAC: usize = 6144;
const ALGORITHMS: [&str; 4] = ["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateOrVerify {
    key_id: Option<String>,
    message: Option<Blob>,
    mac: Option<Blob>,
    mac_algorithm: Option<String>,
    dry_run: Option<bool>,
}

impl Inner {
    pub(crate) fn generate_mac(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let mut input: GenerateOrVerify = parse(body)?;
        let (key, message) = self.mac_key(&mut input, "GenerateMac")?;
        refuse_if(input.dry_run)?;
        let mac = key.current().and_then(|(_, material)| material.mac(&message)).ok_or_else(internal)?;
        Ok(json!({
            "KeyId": self.key_arn(&key.record.id),
            "Mac": encode(mac),
            "MacAlgorithm": key.record.spec.algorithm(),
        }))
    }

    pub(crate) fn verify_mac(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let mut input: GenerateOrVerify = parse(body)?;
        let mac = blob(input.mac.take(), "mac", 1..=LONGEST_MAC)?;
        let (key, message) = self.mac_key(&mut input, "VerifyMac")?;
        refuse_if(input.dry_run)?;
        let (_, material) = key.current().ok_or_else(internal)?;
        if !material.verify_mac(&message, &mac) {
            return Err(refusal::invalid_mac());
        }
        Ok(json!({
            "KeyId": self.key_arn(&key.record.id),
            "MacValid": true,
            "MacAlgorithm": key.record.spec.algorithm(),
        }))
    }

    fn mac_key(
        &self,
        input: &mut GenerateOrVerify,
        operation: &str,
    ) -> Result<(Arc<Key>, Vec<u8>), ServiceError> {
        let key_id = required(input.key_id.as_deref(), "keyId")?;
        let message = blob(input.message.take(), "message", 1..=LONGEST_MESSAGE)?;
        let algorithm = required(input.mac_algorithm.as_deref(), "macAlgorithm")?;
        one_of(algorithm, "macAlgorithm", &ALGORITHMS)?;
        let key = self.usable(key_id, KeyUsage::GenerateVerifyMac, operation)?;
        if algorithm != key.record.spec.algorithm() {
            return Err(refusal::wrong_algorithm(algorithm, key.record.spec.as_str()));
        }
        Ok((key, message))
    }
}
