//! Signatures, public keys and message authentication codes.

use aws_sdk_kms::{
    primitives::Blob,
    types::{KeySpec as Spec, KeyUsageType, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec},
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use toss_local_keys::{KeySpec, KeyUsage};

use crate::connector::{code, open};

#[tokio::test]
async fn an_ed25519_signature_verifies_offline_with_the_published_key() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = home.keys.ensure_key("Log", KeySpec::EccNistEdwards25519, KeyUsage::SignVerify).unwrap();
    let signed = home
        .client
        .sign()
        .key_id(&key)
        .message(Blob::new("checkpoint"))
        .message_type(MessageType::Raw)
        .signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512)
        .send()
        .await
        .unwrap();
    let public = home.client.get_public_key().key_id(&key).send().await.unwrap().public_key.unwrap();
    let der = public.as_ref();
    assert_eq!(&der[..12], b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00");
    let signature = signed.signature.unwrap();
    UnparsedPublicKey::new(&ED25519, &der[12..]).verify(b"checkpoint", signature.as_ref()).unwrap();

    let verify = |message: &'static str| {
        home.client
            .verify()
            .key_id(&key)
            .message(Blob::new(message))
            .signature(signature.clone())
            .signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512)
            .send()
    };
    assert!(verify("checkpoint").await.unwrap().signature_valid);
    assert_eq!(code(verify("another").await), "KMSInvalidSignatureException");
}

#[tokio::test]
async fn a_p256_signature_verifies_offline_with_the_published_key() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = home.keys.ensure_key("Sign", KeySpec::EccNistP256, KeyUsage::SignVerify).unwrap();
    let sign = |algorithm, kind| {
        home.client
            .sign()
            .key_id(&key)
            .message(Blob::new("text"))
            .message_type(kind)
            .signing_algorithm(algorithm)
            .send()
    };
    let signed = sign(SigningAlgorithmSpec::EcdsaSha256, MessageType::Raw).await.unwrap();
    let public = home.client.get_public_key().key_id(&key).send().await.unwrap().public_key.unwrap();
    let point = &public.as_ref()[26..];
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(b"text", signed.signature.unwrap().as_ref())
        .unwrap();
    let other = sign(SigningAlgorithmSpec::EcdsaSha384, MessageType::Raw).await;
    assert_eq!(code(other), "InvalidKeyUsageException");
    let digest = sign(SigningAlgorithmSpec::EcdsaSha256, MessageType::Digest).await;
    assert_eq!(code(digest), "UnsupportedOperationException");
}

#[tokio::test]
async fn a_key_serves_its_own_usage_alone() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let data = home.keys.ensure_key("Data", KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt).unwrap();
    let log = home.keys.ensure_key("Log", KeySpec::EccNistEdwards25519, KeyUsage::SignVerify).unwrap();
    let sign = home.client.sign().key_id(&data).message(Blob::new("x"));
    let signed = sign.signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512).send().await;
    assert_eq!(code(signed), "InvalidKeyUsageException");
    let encrypted = home.client.encrypt().key_id(&log).plaintext(Blob::new("x")).send().await;
    assert_eq!(code(encrypted), "InvalidKeyUsageException");
    let public = home.client.get_public_key().key_id(&data).send().await;
    assert_eq!(code(public), "UnsupportedOperationException");
}

#[tokio::test]
async fn a_mac_verifies_and_a_changed_message_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let key = client.create_key().key_spec(Spec::Hmac256).key_usage(KeyUsageType::GenerateVerifyMac);
    let key = key.send().await.unwrap().key_metadata.unwrap().key_id;
    let made = client.generate_mac().key_id(&key).message(Blob::new("text"));
    let mac = made.mac_algorithm(MacAlgorithmSpec::HmacSha256).send().await.unwrap().mac.unwrap();
    let verify = |message: &'static str| {
        client
            .verify_mac()
            .key_id(&key)
            .message(Blob::new(message))
            .mac(mac.clone())
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .send()
    };
    assert!(verify("text").await.unwrap().mac_valid);
    assert_eq!(code(verify("other").await), "KMSInvalidMacException");
}
