//! Encryption under a key, and data keys.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use super::{Inner, failed, internal};
use crate::{
    KeyUsage,
    blob::{Blob, encode},
    constraint::{blob, invalid, one_of, parse, required, within},
    envelope::{self, EncryptionContext, Origin},
    material::Material,
    refusal,
    store::Key,
};

const LONGEST_PLAINTEXT: usize = 4096;
const LONGEST_CIPHERTEXT: usize = 6144;
const MOST_RANDOM_BYTES: i64 = 1024;
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt {
    key_id: Option<String>,
    plaintext: Option<Blob>,
    encryption_context: Option<EncryptionContext>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt {
    ciphertext_blob: Option<Blob>,
    key_id: Option<String>,
    encryption_context: Option<EncryptionContext>,
    encryption_algorithm: Option<String>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReEncrypt {
    ciphertext_blob: Option<Blob>,
    source_key_id: Option<String>,
    source_encryption_context: Option<EncryptionContext>,
    source_encryption_algorithm: Option<String>,
    destination_key_id: Option<String>,
    destination_encryption_context: Option<EncryptionContext>,
    destination_encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateDataKey {
    key_id: Option<String>,
    encryption_context: Option<EncryptionContext>,
    number_of_bytes: Option<i64>,
    key_spec: Option<String>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateRandom {
    number_of_bytes: Option<i64>,
    custom_key_store_id: Option<String>,
    recipient: Option<Value>,
}

/// What opening a ciphertext answers.
struct Opened {
    key: Arc<Key>,
    material_id: String,
    plaintext: Vec<u8>,
}

impl Inner {
    pub(crate) fn encrypt(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: Encrypt = parse(body)?;
        let key_id = required(input.key_id, "keyId")?;
        let plaintext = blob(input.plaintext, "plaintext", 1..=LONGEST_PLAINTEXT)?;
        check_algorithm(input.encryption_algorithm.as_deref(), "encryptionAlgorithm")?;
        let key = self.usable(&key_id, KeyUsage::EncryptDecrypt, "Encrypt")?;
        refuse_if(input.dry_run)?;
        let (sealed, _) = self.seal(&key, &plaintext, &input.encryption_context.unwrap_or_default())?;
        Ok(json!({
            "CiphertextBlob": encode(sealed),
            "KeyId": self.key_arn(&key.record.id),
            "EncryptionAlgorithm": ALGORITHM,
        }))
    }

    pub(crate) fn decrypt(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: Decrypt = parse(body)?;
        refuse_recipient(input.recipient.as_ref())?;
        let ciphertext = blob(input.ciphertext_blob, "ciphertextBlob", 1..=LONGEST_CIPHERTEXT)?;
        check_algorithm(input.encryption_algorithm.as_deref(), "encryptionAlgorithm")?;
        let context = input.encryption_context.unwrap_or_default();
        let opened = self.open(&ciphertext, input.key_id.as_deref(), &context, "Decrypt")?;
        refuse_if(input.dry_run)?;
        Ok(json!({
            "KeyId": self.key_arn(&opened.key.record.id),
            "Plaintext": encode(opened.plaintext),
            "EncryptionAlgorithm": ALGORITHM,
            "KeyMaterialId": opened.material_id,
        }))
    }

    pub(crate) fn re_encrypt(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ReEncrypt = parse(body)?;
        let ciphertext = blob(input.ciphertext_blob, "ciphertextBlob", 1..=LONGEST_CIPHERTEXT)?;
        let destination_id = required(input.destination_key_id, "destinationKeyId")?;
        check_algorithm(input.source_encryption_algorithm.as_deref(), "sourceEncryptionAlgorithm")?;
        check_algorithm(input.destination_encryption_algorithm.as_deref(), "destinationEncryptionAlgorithm")?;
        let destination = self.usable(&destination_id, KeyUsage::EncryptDecrypt, "ReEncrypt")?;
        let context = input.source_encryption_context.unwrap_or_default();
        let opened = self.open(&ciphertext, input.source_key_id.as_deref(), &context, "ReEncrypt")?;
        refuse_if(input.dry_run)?;
        let context = input.destination_encryption_context.unwrap_or_default();
        let (sealed, material_id) = self.seal(&destination, &opened.plaintext, &context)?;
        Ok(json!({
            "CiphertextBlob": encode(sealed),
            "SourceKeyId": self.key_arn(&opened.key.record.id),
            "KeyId": self.key_arn(&destination.record.id),
            "SourceEncryptionAlgorithm": ALGORITHM,
            "DestinationEncryptionAlgorithm": ALGORITHM,
            "SourceKeyMaterialId": opened.material_id,
            "DestinationKeyMaterialId": material_id,
        }))
    }

    pub(crate) fn generate_data_key(&self, body: &[u8]) -> Result<Value, ServiceError> {
        self.data_key(body, "GenerateDataKey", true)
    }

    pub(crate) fn generate_data_key_without_plaintext(&self, body: &[u8]) -> Result<Value, ServiceError> {
        self.data_key(body, "GenerateDataKeyWithoutPlaintext", false)
    }

    pub(crate) fn generate_random(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: GenerateRandom = parse(body)?;
        refuse_recipient(input.recipient.as_ref())?;
        if input.custom_key_store_id.is_some() {
            return Err(refusal::unsupported(
                "There are no custom key stores here; leave CustomKeyStoreId out.",
            ));
        }
        let length = required(input.number_of_bytes, "numberOfBytes")?;
        let length = within(length, "numberOfBytes", &(1..=MOST_RANDOM_BYTES))?;
        let bytes = self.store.random_bytes(usize::try_from(length).unwrap_or(1)).map_err(failed)?;
        Ok(json!({ "Plaintext": encode(bytes) }))
    }

    fn data_key(&self, body: &[u8], operation: &str, with_plaintext: bool) -> Result<Value, ServiceError> {
        let input: GenerateDataKey = parse(body)?;
        refuse_recipient(input.recipient.as_ref())?;
        let key_id = required(input.key_id, "keyId")?;
        let length = data_key_length(input.key_spec.as_deref(), input.number_of_bytes)?;
        let key = self.usable(&key_id, KeyUsage::EncryptDecrypt, operation)?;
        refuse_if(input.dry_run)?;
        let plaintext = self.store.random_bytes(length).map_err(failed)?;
        let (sealed, material_id) =
            self.seal(&key, &plaintext, &input.encryption_context.unwrap_or_default())?;
        let mut answer = json!({
            "CiphertextBlob": encode(sealed),
            "KeyId": self.key_arn(&key.record.id),
            "KeyMaterialId": material_id,
        });
        if with_plaintext {
            answer["Plaintext"] = encode(plaintext);
        }
        Ok(answer)
    }

    /// Seals under the key's current material; answers the blob and the material's id.
    fn seal(
        &self,
        key: &Arc<Key>,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<(Vec<u8>, String), ServiceError> {
        let key = self.rotated_if_due(key.clone())?;
        let Some((record, Material::Symmetric(material))) = key.current() else { return Err(internal()) };
        let origin = Origin { key_id: key.record.id.clone(), material_id: record.id.clone() };
        let sealed = envelope::seal(&origin, material.expose(), plaintext, context).ok_or_else(internal)?;
        Ok((sealed, origin.material_id))
    }

    fn open(
        &self,
        ciphertext: &[u8],
        expected_key: Option<&str>,
        context: &EncryptionContext,
        operation: &str,
    ) -> Result<Opened, ServiceError> {
        let expected =
            expected_key.map(|id| self.usable(id, KeyUsage::EncryptDecrypt, operation)).transpose()?;
        let origin = envelope::origin(ciphertext).ok_or_else(refusal::invalid_ciphertext)?;
        if expected.is_some_and(|key| key.record.id != origin.key_id) {
            return Err(refusal::incorrect_key());
        }
        let key = self.usable(&origin.key_id, KeyUsage::EncryptDecrypt, operation)?;
        let Some(Material::Symmetric(material)) = key.material(&origin.material_id) else {
            return Err(refusal::invalid_ciphertext());
        };
        let plaintext =
            envelope::open(ciphertext, material.expose(), context).ok_or_else(refusal::invalid_ciphertext)?;
        Ok(Opened { material_id: origin.material_id, plaintext, key })
    }
}

fn data_key_length(spec: Option<&str>, number_of_bytes: Option<i64>) -> Result<usize, ServiceError> {
    match (spec, number_of_bytes) {
        (Some(spec), None) => {
            one_of(spec, "keySpec", &["AES_256", "AES_128"])?;
            Ok(if spec == "AES_256" { 32 } else { 16 })
        }
        (None, Some(length)) => {
            let length = within(length, "numberOfBytes", &(1..=MOST_RANDOM_BYTES))?;
            Ok(usize::try_from(length).unwrap_or(1))
        }
        _ => Err(invalid("Please specify either number of bytes or key spec.")),
    }
}

fn check_algorithm(algorithm: Option<&str>, member: &str) -> Result<(), ServiceError> {
    let Some(algorithm) = algorithm else { return Ok(()) };
    one_of(algorithm, member, &[ALGORITHM, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"])?;
    if algorithm == ALGORITHM { Ok(()) } else { Err(refusal::wrong_algorithm(algorithm, ALGORITHM)) }
}

fn refuse_recipient(recipient: Option<&Value>) -> Result<(), ServiceError> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(refusal::unsupported("There are no enclaves here; leave Recipient out.")),
    }
}

/// What a dry run is answered once everything was checked.
pub(super) fn refuse_if(dry_run: Option<bool>) -> Result<(), ServiceError> {
    if dry_run == Some(true) { Err(refusal::dry_run()) } else { Ok(()) }
}
