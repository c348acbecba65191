//! Encryption, data keys and their context.

use aws_sdk_kms::{primitives::Blob, types::DataKeySpec};
use proptest::prelude::*;
use toss_local_keys::{KeySpec, KeyUsage};

use crate::connector::{Home, code, open};

fn data_key(home: &Home) -> String {
    home.keys.ensure_key("DataKey", KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt).expect("a key")
}

#[tokio::test]
async fn a_data_key_decrypts_with_its_context_and_with_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = data_key(&home);
    let made = home
        .client
        .generate_data_key()
        .key_id(&key)
        .key_spec(DataKeySpec::Aes256)
        .encryption_context("tenant", "ten_1")
        .send()
        .await
        .unwrap();
    let sealed = made.ciphertext_blob.unwrap();

    let opened = home
        .client
        .decrypt()
        .ciphertext_blob(sealed.clone())
        .encryption_context("tenant", "ten_1")
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext, made.plaintext);
    assert_eq!(opened.key_id.unwrap(), home.keys.key_arn(&key));

    let other = home.client.decrypt().ciphertext_blob(sealed.clone()).encryption_context("tenant", "ten_2");
    assert_eq!(code(other.send().await), "InvalidCiphertextException");
    let none = home.client.decrypt().ciphertext_blob(sealed).send().await;
    assert!(none.unwrap_err().into_service_error().is_invalid_ciphertext_exception());
}

#[tokio::test]
async fn a_restart_keeps_keys_and_what_they_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let (key, sealed) = {
        let home = open(directory.path());
        let key = data_key(&home);
        let sealed = home.client.encrypt().key_id(&key).plaintext(Blob::new("text")).send().await.unwrap();
        (key, sealed.ciphertext_blob.unwrap())
    };
    let home = open(directory.path());
    assert_eq!(data_key(&home), key);
    let opened = home.client.decrypt().ciphertext_blob(sealed).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().into_inner(), b"text");
}

#[tokio::test]
async fn reencryption_changes_key_and_context() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let first = data_key(&home);
    let second = client.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
    let sealed = client
        .encrypt()
        .key_id(&first)
        .plaintext(Blob::new("text"))
        .encryption_context("a", "1")
        .send()
        .await
        .unwrap();
    let again = client
        .re_encrypt()
        .ciphertext_blob(sealed.ciphertext_blob.unwrap())
        .source_encryption_context("a", "1")
        .destination_key_id(&second)
        .destination_encryption_context("b", "2")
        .send()
        .await
        .unwrap();
    let blob = again.ciphertext_blob.unwrap();
    let wrong_key =
        client.decrypt().key_id(&first).ciphertext_blob(blob.clone()).encryption_context("b", "2");
    assert_eq!(code(wrong_key.send().await), "IncorrectKeyException");
    let opened = client.decrypt().ciphertext_blob(blob).encryption_context("b", "2").send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().into_inner(), b"text");
    assert_eq!(opened.key_id.unwrap(), home.keys.key_arn(&second));
}

#[tokio::test]
async fn old_material_decrypts_after_rotation_and_new_material_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = data_key(&home);
    home.client.enable_key_rotation().key_id(&key).rotation_period_in_days(90).send().await.unwrap();
    let encrypt = || home.client.encrypt().key_id(&key).plaintext(Blob::new("text")).send();
    let decrypt = |blob| home.client.decrypt().ciphertext_blob(blob).send();
    let old = encrypt().await.unwrap().ciphertext_blob.unwrap();

    home.clock.advance(jiff::SignedDuration::from_hours(24 * 91));
    let new = encrypt().await.unwrap().ciphertext_blob.unwrap();
    let (old, new) = (decrypt(old).await.unwrap(), decrypt(new).await.unwrap());
    assert_eq!(old.plaintext, new.plaintext);
    assert_ne!(old.key_material_id, new.key_material_id);

    let rotations = home.client.list_key_rotations().key_id(&key).send().await.unwrap().rotations.unwrap();
    assert_eq!(rotations.len(), 1);
    assert!(home.client.get_key_rotation_status().key_id(&key).send().await.unwrap().key_rotation_enabled);
}

#[tokio::test]
async fn sizes_and_algorithms_outside_the_rules_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let key = data_key(&home);
    let long = client.encrypt().key_id(&key).plaintext(Blob::new(vec![0; 4097])).send().await;
    assert_eq!(code(long), "ValidationException");
    assert_eq!(code(client.generate_random().number_of_bytes(0).send().await), "ValidationException");
    assert_eq!(code(client.generate_data_key().key_id(&key).send().await), "ValidationException");
    assert_eq!(
        code(client.decrypt().ciphertext_blob(Blob::new("nonsense")).send().await),
        "InvalidCiphertextException"
    );
    let dry = client.encrypt().key_id(&key).plaintext(Blob::new("x")).dry_run(true).send().await;
    assert_eq!(code(dry), "DryRunOperationException");
    let random = client.generate_random().number_of_bytes(24).send().await.unwrap();
    assert_eq!(random.plaintext.unwrap().into_inner().len(), 24);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_body_no_operation_fails_of_itself(
        operation in prop::sample::select(vec!["Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "CreateKey", "CreateAlias", "GenerateDataKey", "TagResource", "PutKeyPolicy"]),
        member in "[A-Z][A-Za-z]{2,12}",
        value in prop_oneof![Just("null".to_owned()), Just("1e999".to_owned()), Just("[[]]".to_owned()), Just("{".repeat(500)), "\"[ -~&&[^\"\\\\]]{0,20}\""],
    ) {
        use toss_local_protocol::{Caller, JsonService};
        let directory = tempfile::tempdir().unwrap();
        let home = open(directory.path());
        let body = format!("{{\"KeyId\":{value},\"{member}\":{value},\"Plaintext\":{value},\"CiphertextBlob\":{value}}}");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = home.keys.permissions(operation, body.as_bytes());
        if let Err(error) = runtime.block_on(home.keys.call(&Caller::Owner, operation, body.into())) {
            prop_assert_eq!(error.status, 400, "{}", error);
        }
    }
}
