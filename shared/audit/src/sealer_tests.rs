//! The sealer against a store in memory that can lose races and die at any write.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use toss_kernel::{TenantScope, id::AuditEventId};

use crate::{
    Append, Head, LogError, LogSigner as _, LogStore, MAX_BATCH, MerkleLog, Sealed, SealedEvent, SignedHead,
    StoredEvent, WrappedKey,
    checkpoint::verify,
    merkle::{Edge, TileId, TileWrite},
    plan,
    proof::{InclusionProof, verify_consistency, verify_inclusion},
    tests::{TestSigner, block_on, event, event_id, tenant},
};

#[derive(Default)]
struct Tables {
    head: Option<Head>,
    tiles: HashMap<TileId, Vec<u8>>,
    events: BTreeMap<AuditEventId, StoredEvent>,
    signed: Option<SignedHead>,
    appends: usize,
}

/// A store that fails its n-th write, once.
#[derive(Default)]
struct Memory {
    tables: Mutex<Tables>,
    writes: AtomicUsize,
    dies_at: Option<usize>,
    lost_races: AtomicUsize,
}

#[derive(Debug, thiserror::Error)]
#[error("died")]
struct Died;

impl Memory {
    fn with_events(count: u32) -> Self {
        let memory = Self::default();
        for number in 0..count {
            memory.record(number);
        }
        memory
    }

    fn record(&self, number: u32) {
        let header = event(number, "workflow.create").header();
        let sealed = Sealed { key: WrappedKey(vec![1; 8]), ciphertext: number.to_be_bytes().to_vec() };
        let SealedEvent { header, sealed } = SealedEvent { header, sealed };
        let stored = StoredEvent { header, sealed, place: None };
        self.tables.lock().unwrap().events.insert(event_id(number), stored);
    }

    fn write(&self) -> Result<(), Died> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        if self.dies_at == Some(number) { Err(Died) } else { Ok(()) }
    }
}

impl LogStore for Arc<Memory> {
    type Error = Died;

    async fn head(&self, _: &TenantScope) -> Result<Option<Head>, Died> {
        Ok(self.tables.lock().unwrap().head)
    }

    async fn tiles(&self, _: &TenantScope, ids: &[TileId]) -> Result<Vec<(TileId, Vec<u8>)>, Died> {
        let tables = self.tables.lock().unwrap();
        Ok(ids.iter().filter_map(|id| Some((*id, tables.tables_tile(*id)?))).collect())
    }

    async fn events(&self, _: &TenantScope, ids: &[AuditEventId]) -> Result<Vec<StoredEvent>, Died> {
        let tables = self.tables.lock().unwrap();
        Ok(ids.iter().filter_map(|id| tables.events.get(id).cloned()).collect())
    }

    async fn append(&self, _: &TenantScope, append: &Append) -> Result<bool, Died> {
        if self.lost_races.load(Ordering::SeqCst) > 0 {
            self.lost_races.fetch_sub(1, Ordering::SeqCst);
            return Ok(false);
        }
        self.write()?;
        assert!(1 + append.tiles.len() + append.places.len() <= 100, "a DynamoDB transaction");
        let mut tables = self.tables.lock().unwrap();
        let size = tables.head.unwrap_or_default().size;
        if size != append.expected_size
            || append.places.iter().any(|(id, _)| tables.events[id].place.is_some())
        {
            return Ok(false);
        }
        tables.head = Some(append.head);
        tables.appends += 1;
        for TileWrite { id, data } in &append.tiles {
            tables.tiles.insert(*id, data.clone());
        }
        for (id, place) in &append.places {
            tables.events.get_mut(id).unwrap().place = Some(*place);
        }
        Ok(true)
    }

    async fn signed_head(&self, _: &TenantScope) -> Result<Option<SignedHead>, Died> {
        Ok(self.tables.lock().unwrap().signed.clone())
    }

    async fn put_signed_head(&self, _: &TenantScope, head: &SignedHead) -> Result<(), Died> {
        self.write()?;
        let mut tables = self.tables.lock().unwrap();
        if tables.signed.as_ref().is_none_or(|signed| signed.size < head.size) {
            tables.signed = Some(head.clone());
        }
        Ok(())
    }
}

impl Tables {
    fn tables_tile(&self, id: TileId) -> Option<Vec<u8>> {
        self.tiles.get(&id).cloned()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test stands in for the runtime")]
fn scope() -> TenantScope {
    TenantScope::from_verified(tenant())
}

fn log(memory: Memory) -> (MerkleLog<Arc<Memory>, TestSigner>, Arc<Memory>) {
    let memory = Arc::new(memory);
    (MerkleLog::new(Arc::clone(&memory), TestSigner::new(1), "test"), memory)
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<AuditEventId> {
    numbers.into_iter().map(event_id).collect()
}

#[test]
fn every_sealed_event_is_proven_offline() {
    let (log, _) = log(Memory::with_events(300));
    let key = block_on(log.verifier_key(tenant())).unwrap();
    let first = block_on(log.seal(&scope(), &ids(0..10))).unwrap();
    let all = block_on(log.seal(&scope(), &ids(0..300))).unwrap();
    assert_eq!(verify(&all.note, &key).unwrap().size, 300);
    for number in [0, 9, 10, 255, 256, 299] {
        let proof = block_on(log.inclusion_proof(&scope(), event_id(number))).unwrap();
        let leaf = InclusionProof::parse(&proof).unwrap().extra.unwrap();
        assert!(String::from_utf8_lossy(&leaf).contains(&event_id(number).to_string()));
        assert_eq!(verify_inclusion(&proof, &leaf, &key).unwrap().checkpoint.size, 300);
    }
    let proof = block_on(log.consistency_proof(&scope(), 10, None)).unwrap();
    assert_eq!(verify_consistency(&proof, &first.note, &key).unwrap().size, 300);
    let proof = block_on(log.consistency_proof(&scope(), 10, Some(123))).unwrap();
    assert_eq!(verify_consistency(&proof, &first.note, &key).unwrap().size, 123);
    assert_eq!(block_on(log.checkpoint_at(&scope(), 10)).unwrap(), first);
}

#[test]
fn a_batch_that_is_delivered_again_changes_nothing() {
    let (log, memory) = log(Memory::with_events(30));
    let first = block_on(log.seal(&scope(), &ids((0..20).chain(5..25)))).unwrap();
    assert_eq!(first.size, 25);
    let again = block_on(log.seal(&scope(), &ids((0..25).rev()))).unwrap();
    assert_eq!(again, first);
    assert_eq!(block_on(log.seal(&scope(), &ids(0..30))).unwrap().size, 30);
    let places: Vec<u64> =
        memory.tables.lock().unwrap().events.values().map(|stored| stored.place.unwrap()).collect();
    assert_eq!(places, (0..30).collect::<Vec<_>>());
}

#[test]
fn death_at_any_write_leaves_a_log_that_the_next_run_completes() {
    for dies_at in 0..6 {
        let (log, memory) = log(Memory { dies_at: Some(dies_at), ..Memory::with_events(200) });
        let mut deaths = 0;
        let head = loop {
            match block_on(log.seal(&scope(), &ids(0..200))) {
                Ok(head) => break head,
                Err(LogError::Store(Died)) => deaths += 1,
                Err(other) => panic!("{other}"),
            }
        };
        assert!(deaths <= 1);
        assert_eq!(head.size, 200);
        let key = block_on(log.verifier_key(tenant())).unwrap();
        assert_eq!(verify(&head.note, &key).unwrap().root, memory.tables.lock().unwrap().head.unwrap().root);
    }
}

#[test]
fn a_reader_signs_the_head_that_a_dead_sealer_left_unsigned() {
    let (log, memory) = log(Memory { dies_at: Some(1), ..Memory::with_events(3) });
    assert!(block_on(log.seal(&scope(), &ids(0..3))).is_err());
    assert_eq!(memory.tables.lock().unwrap().signed, None);
    let read = block_on(log.checkpoint(&scope())).unwrap();
    assert_eq!(read.size, 3);
    assert_eq!(memory.tables.lock().unwrap().signed, None, "a reader writes nothing");
    assert_eq!(block_on(log.seal(&scope(), &ids(0..3))).unwrap(), read);
    assert_eq!(memory.tables.lock().unwrap().signed, Some(read));
}

#[test]
fn a_lost_race_is_planned_again_and_endless_losing_is_given_back() {
    let (log, memory) = log(Memory { lost_races: 3.into(), ..Memory::with_events(3) });
    assert_eq!(block_on(log.seal(&scope(), &ids(0..3))).unwrap().size, 3);
    memory.record(3);
    memory.lost_races.store(100, Ordering::SeqCst);
    assert!(matches!(block_on(log.seal(&scope(), &ids([3]))), Err(LogError::Contended)));
    assert_eq!(memory.tables.lock().unwrap().appends, 1);
}

#[test]
fn an_unknown_and_an_unsealed_event_have_no_proof_yet() {
    let (log, _) = log(Memory::with_events(2));
    block_on(log.seal(&scope(), &ids([0]))).unwrap();
    let prove = |number| block_on(log.inclusion_proof(&scope(), event_id(number)));
    assert!(matches!(prove(1), Err(LogError::NotYetSealed(_))));
    assert!(matches!(prove(7), Err(LogError::NoSuchEvent(_))));
    assert!(matches!(block_on(log.consistency_proof(&scope(), 2, None)), Err(LogError::Prove(_))));
}

#[test]
fn an_empty_log_has_a_signed_head() {
    let (log, _) = log(Memory::default());
    let key = block_on(log.verifier_key(tenant())).unwrap();
    let signed = block_on(log.checkpoint(&scope())).unwrap();
    assert_eq!(verify(&signed.note, &key).unwrap().size, 0);
}

#[test]
fn the_largest_append_at_the_worst_place_fits_a_transaction() {
    let memory = Memory::with_events(u32::try_from(MAX_BATCH).unwrap());
    let events: Vec<StoredEvent> = memory.tables.lock().unwrap().events.values().cloned().collect();
    // 2^16 - 1 leaves: the next one fills tiles on two levels and begins one on a third.
    let mut edge = Edge::default();
    edge.append((0..65_535_u32).map(|n| crate::merkle::record_hash(&n.to_be_bytes())));
    let append = plan(edge, &events).unwrap();
    assert_eq!(append.tiles.len(), 4);
    assert_eq!(append.places.len(), MAX_BATCH);
    const { assert!(1 + 2 * 8 + MAX_BATCH <= 100) };
    assert_eq!(append.head.size, 65_535 + MAX_BATCH as u64);
}

#[test]
fn the_public_key_is_the_signers() {
    let (log, _) = log(Memory::default());
    let key = block_on(log.verifier_key(tenant())).unwrap();
    assert_eq!(key.origin(), format!("toss/test/{}", tenant()));
    assert!(block_on(TestSigner::new(1).public_key()).is_ok());
}
