//! Keys and aliases from creation to deletion, on disk too.

use std::os::unix::fs::PermissionsExt;

use aws_sdk_kms::{
    primitives::Blob,
    types::{KeyState, Tag},
};
use jiff::SignedDuration;
use toss_local_keys::{KeySpec, KeyUsage, KeysError};

use crate::connector::{code, open};

#[tokio::test]
async fn a_key_can_be_disabled_enabled_deleted_and_saved_from_deletion() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let key = client.create_key().description("a key").send().await.unwrap().key_metadata.unwrap().key_id;
    let encrypt = || client.encrypt().key_id(&key).plaintext(Blob::new("x")).send();

    client.disable_key().key_id(&key).send().await.unwrap();
    assert_eq!(code(encrypt().await), "DisabledException");
    client.enable_key().key_id(&key).send().await.unwrap();
    encrypt().await.unwrap();

    client.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    assert_eq!(code(encrypt().await), "KMSInvalidStateException");
    client.cancel_key_deletion().key_id(&key).send().await.unwrap();
    let metadata = client.describe_key().key_id(&key).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(metadata.key_state, Some(KeyState::Disabled));

    client.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    home.clock.advance(SignedDuration::from_hours(24 * 7));
    assert_eq!(code(client.describe_key().key_id(&key).send().await), "NotFoundException");
    client.create_key().send().await.unwrap();
    assert!(!directory.path().join("keys").join(format!("{key}.json")).exists());
}

#[tokio::test]
async fn an_alias_names_a_key_in_every_form() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
    client.create_alias().alias_name("alias/data").target_key_id(&key.key_id).send().await.unwrap();
    let forms = ["alias/data", "arn:aws:kms:us-east-1:000000000000:alias/data", key.arn.as_deref().unwrap()];
    for form in forms {
        let metadata = client.describe_key().key_id(form).send().await.unwrap().key_metadata.unwrap();
        assert_eq!(metadata.key_id, key.key_id);
    }
    let again = client.create_alias().alias_name("alias/data").target_key_id(&key.key_id).send().await;
    assert_eq!(code(again), "AlreadyExistsException");
    let listed = client.list_aliases().key_id(&key.key_id).send().await.unwrap().aliases.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(code(client.enable_key().key_id("alias/data").send().await), "NotFoundException");
    client.delete_alias().alias_name("alias/data").send().await.unwrap();
    assert_eq!(code(client.describe_key().key_id("alias/data").send().await), "NotFoundException");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    for _ in 0..5 {
        home.client.create_key().send().await.unwrap();
    }
    let (mut marker, mut seen) = (None, 0);
    loop {
        let page = home.client.list_keys().limit(2).set_marker(marker).send().await.unwrap();
        seen += page.keys.unwrap_or_default().len();
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen, 5);
}

#[tokio::test]
async fn tags_and_descriptions_can_be_changed() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let client = &home.client;
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
    let tag = Tag::builder().tag_key("team").tag_value("audit").build().unwrap();
    client.tag_resource().key_id(&key).tags(tag).send().await.unwrap();
    client.update_key_description().key_id(&key).description("new").send().await.unwrap();
    let tags = client.list_resource_tags().key_id(&key).send().await.unwrap().tags.unwrap();
    assert_eq!((tags[0].tag_key(), tags[0].tag_value()), ("team", "audit"));
    client.untag_resource().key_id(&key).tag_keys("team").send().await.unwrap();
    assert!(client.list_resource_tags().key_id(&key).send().await.unwrap().tags.unwrap().is_empty());
}

#[tokio::test]
async fn files_are_their_owners_alone_and_hold_no_material_in_clear() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = home.keys.ensure_key("Log", KeySpec::EccNistEdwards25519, KeyUsage::SignVerify).unwrap();
    for file in [format!("keys/{key}.json"), "root.key".into()] {
        let mode = directory.path().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_template_key_that_changes_its_spec_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    home.keys.ensure_key("Log", KeySpec::EccNistEdwards25519, KeyUsage::SignVerify).unwrap();
    let changed = home.keys.ensure_key("Log", KeySpec::EccNistP256, KeyUsage::SignVerify);
    assert!(matches!(changed, Err(KeysError::Changed { .. })));
    let mismatch = home.keys.ensure_key("Other", KeySpec::EccNistP256, KeyUsage::EncryptDecrypt);
    assert!(matches!(mismatch, Err(KeysError::Mismatch { .. })));
}

#[test]
fn a_call_tells_which_permissions_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let home = open(directory.path());
    let key = home.keys.ensure_key("Data", KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt).unwrap();
    home.keys.ensure_alias("alias/data", &key).unwrap();
    let needed = home.keys.permissions("GenerateDataKey", br#"{"KeyId":"alias/data"}"#);
    assert_eq!(needed.len(), 1);
    assert_eq!(needed[0].action, "kms:GenerateDataKey");
    assert_eq!(needed[0].resource, home.keys.key_arn(&key));
}
