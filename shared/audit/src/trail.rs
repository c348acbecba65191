//! The audit trail of the platform: events written and read through the store, logs kept in it.

use std::collections::HashMap;

use toss_kernel::{
    TenantScope,
    id::{AuditEventId, TenantId},
};
use toss_runtime::{ConfigurationError, Platform};
use toss_store::{
    Store, StoreError,
    audit::{AuditRecord, LogAppend, LogHead, LogTile, SignedLogHead},
};

use crate::{
    AuditEvent, CacheLimits, DataKeys, Envelope, EnvelopeError,
    envelope::{Sealed, WrappedKey},
    event::{ActionError, Header},
    kms::{KmsDataKeys, KmsLogSigner},
    merkle::{HASH_SIZE, Hash, TileId},
    sealer::{Append, Head, MerkleLog, SignedHead},
    store::{LogStore, ReadError, SealedEvent, StoredEvent, open_event, seal_event},
};

/// Why an event was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event could not be encrypted.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The stored event cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The event names another tenant than the one that writes it.
    #[error("an event of {event} cannot be written into the log of {scope}")]
    OtherTenant {
        /// Whose the event says it is.
        event: TenantId,
        /// On whose behalf it was to be written.
        scope: TenantId,
    },
    /// What is stored is not in a form this version reads.
    #[error("a stored item of the audit table is damaged: {0}")]
    Damaged(&'static str),
}

impl From<ActionError> for TrailError {
    fn from(_: ActionError) -> Self {
        Self::Damaged("its action is not a name")
    }
}

/// Writes and reads audit events. One for each function: it holds the cache of data keys.
pub struct Trail<K = KmsDataKeys> {
    store: Store,
    envelope: Envelope<K>,
}

impl Trail {
    /// The trail of a function that was granted to read or write the audit table and to seal.
    ///
    /// # Errors
    /// [`ConfigurationError`] when the data key's id is not set.
    pub fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self { store: Store::new(platform), envelope: envelope(platform)? })
    }
}

/// Encryption under tenants' data keys, for a function that was granted to seal.
///
/// # Errors
/// [`ConfigurationError`] when the data key's id is not set.
pub fn envelope(platform: &Platform) -> Result<Envelope<KmsDataKeys>, ConfigurationError> {
    let keys = KmsDataKeys::new(
        platform.sdk.kms().clone(),
        platform.environment.required("TOSS_DATA_KEY_ID")?.to_owned(),
    );
    Ok(Envelope::new(keys, platform.clock.clone(), CacheLimits::default()))
}

/// The Merkle logs, for a function that was granted to sign and to read (the sealer: to write) the audit table.
///
/// # Errors
/// [`ConfigurationError`] when the log key's id or the environment's name is not set.
pub fn merkle_log(platform: &Platform) -> Result<MerkleLog<Store, KmsLogSigner>, ConfigurationError> {
    let signer = KmsLogSigner::new(
        platform.sdk.kms().clone(),
        platform.environment.required("TOSS_LOG_KEY_ID")?.to_owned(),
    );
    Ok(MerkleLog::new(Store::new(platform), signer, platform.environment.required("TOSS_ENVIRONMENT")?))
}

impl<K: DataKeys> Trail<K> {
    /// A trail with a key service of one's own.
    pub const fn with_envelope(store: Store, envelope: Envelope<K>) -> Self {
        Self { store, envelope }
    }

    /// Makes the item of an event. Put it with [`toss_store::Transaction::create`] into the transaction of the
    /// change that it tells of: then there is never the one without the other. Where the transaction may be
    /// done twice, derive the event's id from what is done, so that the second time is refused as a whole.
    ///
    /// # Errors
    /// [`TrailError`] when the event is another tenant's or cannot be encrypted.
    pub async fn prepare(&self, scope: &TenantScope, event: &AuditEvent) -> Result<AuditRecord, TrailError> {
        if event.actor.tenant != scope.tenant() {
            return Err(TrailError::OtherTenant { event: event.actor.tenant, scope: scope.tenant() });
        }
        let SealedEvent { header, sealed } = seal_event(&self.envelope, event).await?;
        Ok(AuditRecord {
            id: header.event,
            tenant: header.tenant,
            action: header.action.as_str().to_owned(),
            time: header.time,
            wrapped_key: sealed.key.0,
            ciphertext: sealed.ciphertext,
            place: None,
        })
    }

    /// Writes an event by itself. Writing the same id again changes nothing.
    ///
    /// # Errors
    /// [`TrailError`] when it is not written.
    pub async fn record(&self, scope: &TenantScope, event: &AuditEvent) -> Result<(), TrailError> {
        let record = self.prepare(scope, event).await?;
        match self.store.create(&record).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Decrypts a stored event.
    ///
    /// # Errors
    /// [`TrailError`] when it does not open, or its public part was changed.
    pub async fn open(&self, record: AuditRecord) -> Result<AuditEvent, TrailError> {
        Ok(open_event(&self.envelope, &stored(record)?).await?)
    }
}

fn stored(record: AuditRecord) -> Result<StoredEvent, TrailError> {
    Ok(StoredEvent {
        header: Header {
            tenant: record.tenant,
            event: record.id,
            action: record.action.parse()?,
            time: record.time,
        },
        sealed: Sealed { key: WrappedKey(record.wrapped_key), ciphertext: record.ciphertext },
        place: record.place,
    })
}

fn root(bytes: &[u8]) -> Result<Hash, TrailError> {
    let bytes: [u8; HASH_SIZE] =
        bytes.try_into().map_err(|_| TrailError::Damaged("its root is not 32 bytes long"))?;
    Ok(Hash(bytes))
}

impl LogStore for Store {
    type Error = TrailError;

    async fn head(&self, scope: &TenantScope) -> Result<Option<Head>, TrailError> {
        let Some(head) = self.log_head(scope).await? else { return Ok(None) };
        Ok(Some(Head { size: head.leaves, root: root(&head.root)? }))
    }

    async fn tiles(&self, scope: &TenantScope, ids: &[TileId]) -> Result<Vec<(TileId, Vec<u8>)>, TrailError> {
        let ids: Vec<(u8, u64)> = ids.iter().map(|id| (id.level, id.index)).collect();
        let tiles = self.log_tiles(scope, &ids).await?.into_iter();
        Ok(tiles.map(|tile| (TileId { level: tile.level, index: tile.index }, tile.hashes)).collect())
    }

    async fn events(
        &self,
        scope: &TenantScope,
        ids: &[AuditEventId],
    ) -> Result<Vec<StoredEvent>, TrailError> {
        let found = self.audit_records(scope, ids).await?;
        let mut found: HashMap<AuditEventId, AuditRecord> =
            found.into_iter().map(|record| (record.id, record)).collect();
        ids.iter().filter_map(|id| found.remove(id)).map(stored).collect()
    }

    async fn append(&self, scope: &TenantScope, append: &Append) -> Result<bool, TrailError> {
        let tenant = scope.tenant();
        let append = LogAppend {
            expected_leaves: append.expected_size,
            head: LogHead { tenant, leaves: append.head.size, root: append.head.root.0.to_vec() },
            tiles: append
                .tiles
                .iter()
                .map(|write| LogTile {
                    tenant,
                    level: write.id.level,
                    index: write.id.index,
                    hashes: write.data.clone(),
                })
                .collect(),
            places: append.places.clone(),
        };
        Ok(self.append_to_log(scope, &append).await?)
    }

    async fn signed_head(&self, scope: &TenantScope) -> Result<Option<SignedHead>, TrailError> {
        let head = self.signed_log_head(scope).await?;
        Ok(head.map(|head| SignedHead { size: head.leaves, note: head.note }))
    }

    async fn put_signed_head(&self, scope: &TenantScope, head: &SignedHead) -> Result<(), TrailError> {
        let head = SignedLogHead { tenant: scope.tenant(), leaves: head.size, note: head.note.clone() };
        Ok(self.put_signed_log_head(&head).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use ed25519_dalek::{Signer as _, SigningKey};
    use serde_json::{Value, json};
    use toss_runtime::scope::of_platform_record;
    use toss_store::testing::Tables;

    use super::*;
    use crate::{
        proof::{InclusionProof, verify_consistency, verify_inclusion},
        tests::{TestSigner, block_on, event, event_id, tenant},
    };

    #[test]
    fn an_event_goes_from_a_function_to_an_offline_proof() {
        block_on(async {
            let platform = Tables::new().platform();
            let (trail, scope) = (Trail::new(&platform).unwrap(), of_platform_record(tenant()));
            let store = Store::new(&platform);
            let log = MerkleLog::new(store.clone(), TestSigner::new(1), "test");
            for number in 0..150 {
                trail.record(&scope, &event(number, "workflow.create")).await.unwrap();
            }
            trail.record(&scope, &event(7, "workflow.delete")).await.unwrap();
            let ids: Vec<_> = (0..150).map(event_id).collect();
            let first = log.seal(&scope, &ids[..30]).await.unwrap();
            assert_eq!(log.seal(&scope, &[&ids[..], &ids[..20]].concat()).await.unwrap().size, 150);

            let key = log.verifier_key(tenant()).await.unwrap();
            let proof = log.inclusion_proof(&scope, event_id(7)).await.unwrap();
            let leaf = InclusionProof::parse(&proof).unwrap().extra.unwrap();
            assert_eq!(verify_inclusion(&proof, &leaf, &key).unwrap().index, 7);
            let proof = log.consistency_proof(&scope, 30, None).await.unwrap();
            assert_eq!(verify_consistency(&proof, &first.note, &key).unwrap().size, 150);

            let record = store.audit_records(&scope, &[event_id(7)]).await.unwrap().remove(0);
            assert_eq!(trail.open(record).await.unwrap(), event(7, "workflow.create"), "written once");
        });
    }

    #[test]
    fn a_record_that_was_changed_in_the_table_does_not_open() {
        block_on(async {
            let platform = Tables::new().platform();
            let (trail, scope) = (Trail::new(&platform).unwrap(), of_platform_record(tenant()));
            let record = trail.prepare(&scope, &event(1, "task.decide")).await.unwrap();
            assert!(trail.open(record.clone()).await.is_ok());
            let mut action = record.clone();
            action.action = "task.delegate".into();
            assert!(trail.open(action).await.is_err());
            let mut time = record.clone();
            time.time = jiff::Timestamp::UNIX_EPOCH;
            assert!(matches!(trail.open(time).await, Err(TrailError::Read(ReadError::Changed { .. }))));
            let mut ciphertext = record;
            ciphertext.ciphertext[20] ^= 1;
            assert!(trail.open(ciphertext).await.is_err());
        });
    }

    /// KMS with one Ed25519 key, as far as signing goes.
    fn signing_service(operation: &str, request: &Value) -> Result<Value, (&'static str, String)> {
        let key = SigningKey::from_bytes(&[3; 32]);
        let spki = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        match operation {
            "GetPublicKey" => {
                let der = [&spki[..], key.verifying_key().as_bytes()].concat();
                Ok(json!({ "KeyId": request["KeyId"], "PublicKey": BASE64_STANDARD.encode(der) }))
            }
            "Sign" => {
                assert_eq!(
                    (&request["SigningAlgorithm"], &request["MessageType"]),
                    (&json!("ED25519_SHA_512"), &json!("RAW"))
                );
                let message = BASE64_STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
                Ok(json!({ "Signature": BASE64_STANDARD.encode(key.sign(&message).to_bytes()) }))
            }
            other => Err(("UnsupportedOperationException", other.to_owned())),
        }
    }

    #[test]
    fn kms_signs_what_its_public_key_verifies() {
        block_on(async {
            let platform = Tables::new().with_service("TrentService", Arc::new(signing_service)).platform();
            let (log, scope) = (merkle_log(&platform).unwrap(), of_platform_record(tenant()));
            let note = log.checkpoint(&scope).await.unwrap().note;
            let key = log.verifier_key(tenant()).await.unwrap();
            assert_eq!(crate::checkpoint::verify(&note, &key).unwrap().size, 0);
        });
    }

    #[test]
    fn an_event_of_another_tenant_is_refused() {
        block_on(async {
            let trail = Trail::new(&Tables::new().platform()).unwrap();
            let other = of_platform_record("ten_00000000000000000000000008".parse().unwrap());
            let refusal = trail.record(&other, &event(1, "a")).await;
            assert!(matches!(refusal, Err(TrailError::OtherTenant { .. })));
        });
    }
}
