//! Sealing: events join their tenant's Merkle log, and the log's head is signed.
//!
//! One append is one transaction: a compare-and-swap of the head on its size, the tiles that changed, and the
//! place of each event, written only where the event has none. So an event that is delivered twice, or to two
//! sealers at once, is in the log once.
//!
//! INVARIANT: a head is signed only after the store has taken it. When a sealer dies in between, the next
//! sealer or reader signs; the signature adds nothing to what the transaction decided.

use std::collections::{BTreeMap, BTreeSet};

use tlog_tiles::Hash;
use toss_kernel::{
    TenantScope,
    id::{AuditEventId, TenantId},
};

use crate::{
    checkpoint::{self, LogSigner, Origin, OriginError, SignError, VerifierKey},
    keys::KeyServiceError,
    merkle::{
        EMPTY_HASH, Edge, EdgeError, ProveError, Proving, TileId, TileSet, TileWrite, prove_consistency,
        prove_inclusion, root_at,
    },
    proof,
    store::{LogStore, StoredEvent},
};

/// The most events in one append: with the head and the most tiles that so many leaves can touch (two a
/// level on eight levels), they stay within the 100 items of a DynamoDB transaction.
pub const MAX_BATCH: usize = 80;

/// How often an append that lost a race is planned again before the batch is given back to the queue.
const ATTEMPTS: usize = 5;

/// The head of a log as the store holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Events in the log.
    pub size: u64,
    /// The root hash.
    pub root: Hash,
}

impl Default for Head {
    /// The head of a log with no events.
    fn default() -> Self {
        Self { size: 0, root: EMPTY_HASH }
    }
}

/// One append, all or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The size that the stored head must have.
    pub expected_size: u64,
    /// The new head.
    pub head: Head,
    /// Tiles to write.
    pub tiles: Vec<TileWrite>,
    /// The place of each new event; the event must not have one yet.
    pub places: Vec<(AuditEventId, u64)>,
}

/// Plans the append of events to a log: those that have a place already and repeats are skipped. Answers
/// nothing when no event is new.
#[must_use]
pub fn plan(mut edge: Edge, events: &[StoredEvent]) -> Option<Append> {
    let expected_size = edge.size();
    let mut seen = BTreeSet::new();
    let mut places = Vec::new();
    let mut leaves = Vec::new();
    for stored in events.iter().filter(|stored| stored.place.is_none()) {
        let event = stored.header.event;
        let place = expected_size + places.len() as u64;
        if places.len() < MAX_BATCH && seen.insert(event) {
            places.push((event, place));
            leaves.push(stored.leaf().hash());
        }
    }
    if places.is_empty() {
        return None;
    }
    let tiles = edge.append(leaves);
    Some(Append { expected_size, head: Head { size: edge.size(), root: edge.root() }, tiles, places })
}

/// Why sealing or proving failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError<E: std::error::Error + 'static> {
    /// The store failed.
    #[error(transparent)]
    Store(E),
    /// The stored log is damaged.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// What was asked for cannot be proven.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The head was not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The environment's name cannot stand in an origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Other sealers of the same log won every race.
    #[error("the log is being appended to by others; the batch will be delivered again")]
    Contended,
    /// There is no such event.
    #[error("there is no audit event {0}")]
    NoSuchEvent(AuditEventId),
    /// The event is written and not yet in the log.
    #[error("the audit event {0} is recorded and will join the log within seconds; ask again")]
    NotYetSealed(AuditEventId),
}

impl<E: std::error::Error + 'static> From<KeyServiceError> for LogError<E> {
    fn from(error: KeyServiceError) -> Self {
        Self::Sign(error.into())
    }
}

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Events in the log.
    pub size: u64,
    /// The checkpoint, a signed note.
    pub note: String,
}

/// The Merkle logs of an environment: appends to them, signs their heads, proves.
#[derive(Debug, Clone)]
pub struct MerkleLog<S, G> {
    store: S,
    signer: G,
    environment: String,
}

impl<S: LogStore, G: LogSigner> MerkleLog<S, G> {
    /// The logs in this store, signed by this signer, with origins `toss/<environment>/<tenant>`.
    pub fn new(store: S, signer: G, environment: impl Into<String>) -> Self {
        Self { store, signer, environment: environment.into() }
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    fn origin(&self, tenant: TenantId) -> Result<Origin, LogError<S::Error>> {
        Ok(Origin::new(&self.environment, tenant)?)
    }

    /// The key with which anyone verifies the tenant's checkpoints.
    ///
    /// # Errors
    /// [`LogError`] when the key service does not tell the public key.
    pub async fn verifier_key(&self, tenant: TenantId) -> Result<VerifierKey, LogError<S::Error>> {
        let public_key = self.signer.public_key().await?;
        VerifierKey::new(&self.origin(tenant)?, &public_key).map_err(|_| SignError::DoesNotVerify.into())
    }

    /// Brings events into the tenant's log and signs the new head. Events that are in it already are left
    /// alone, so a batch may be delivered any number of times.
    ///
    /// # Errors
    /// [`LogError`]; whatever was appended before the error stays appended.
    pub async fn seal(
        &self,
        scope: &TenantScope,
        events: &[AuditEventId],
    ) -> Result<SignedHead, LogError<S::Error>> {
        for batch in events.chunks(MAX_BATCH) {
            self.append(scope, batch).await?;
        }
        let (_, signed, fresh) = self.signed_head(scope).await?;
        if fresh {
            self.store.put_signed_head(scope, &signed).await.map_err(LogError::Store)?;
        }
        Ok(signed)
    }

    async fn append(&self, scope: &TenantScope, batch: &[AuditEventId]) -> Result<(), LogError<S::Error>> {
        for _ in 0..ATTEMPTS {
            let head = self.store.head(scope).await.map_err(LogError::Store)?.unwrap_or_default();
            let mut tiles = self.tiles(scope, &Edge::tiles(head.size)).await?;
            // The tiles may come from a later append than the head. Their extra hashes are ignored, except
            // when a tile has filled up: then its level's edge is still its beginning.
            let edge = Edge::load(head.size, head.root, |id| tiles.remove(&id))?;
            let stored = self.store.events(scope, batch).await.map_err(LogError::Store)?;
            let Some(append) = plan(edge, &stored) else { return Ok(()) };
            if self.store.append(scope, &append).await.map_err(LogError::Store)? {
                return Ok(());
            }
        }
        Err(LogError::Contended)
    }

    async fn tiles(
        &self,
        scope: &TenantScope,
        ids: &[TileId],
    ) -> Result<BTreeMap<TileId, Vec<u8>>, LogError<S::Error>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(self.store.tiles(scope, ids).await.map_err(LogError::Store)?.into_iter().collect())
    }

    /// The newest signed head; signs the stored head when nobody has.
    ///
    /// A reader's signature is not stored: it is the same whoever asks for it, and readers need no right to
    /// write.
    ///
    /// # Errors
    /// [`LogError`] when the store or the key service fails.
    pub async fn checkpoint(&self, scope: &TenantScope) -> Result<SignedHead, LogError<S::Error>> {
        Ok(self.signed_head(scope).await?.1)
    }

    /// The head, its signed form, and whether that was made just now.
    async fn signed_head(&self, scope: &TenantScope) -> Result<(Head, SignedHead, bool), LogError<S::Error>> {
        let head = self.store.head(scope).await.map_err(LogError::Store)?.unwrap_or_default();
        if let Some(signed) = self.store.signed_head(scope).await.map_err(LogError::Store)?
            && signed.size == head.size
        {
            return Ok((head, signed, false));
        }
        let signed = self.sign(scope, head).await?;
        Ok((head, signed, true))
    }

    async fn sign(&self, scope: &TenantScope, head: Head) -> Result<SignedHead, LogError<S::Error>> {
        let origin = self.origin(scope.tenant())?;
        let note = checkpoint::sign(&self.signer, &origin, head.size, head.root).await?;
        Ok(SignedHead { size: head.size, note })
    }

    /// The inclusion proof of an event against the newest head, as C2SP tlog-proof text.
    ///
    /// # Errors
    /// [`LogError::NoSuchEvent`], [`LogError::NotYetSealed`], or a failure of the store or the key service.
    pub async fn inclusion_proof(
        &self,
        scope: &TenantScope,
        event: AuditEventId,
    ) -> Result<String, LogError<S::Error>> {
        let stored = self.store.events(scope, &[event]).await.map_err(LogError::Store)?;
        let stored = stored.first().ok_or(LogError::NoSuchEvent(event))?;
        let place = stored.place.ok_or(LogError::NotYetSealed(event))?;
        let (head, signed, _) = self.signed_head(scope).await?;
        let hashes = self.prove(scope, |tiles| prove_inclusion(head.size, head.root, place, tiles)).await?;
        Ok(proof::inclusion_text(stored.leaf().as_bytes(), place, &hashes, &signed.note))
    }

    /// The proof that the log of `to` events (the newest head when none is given) begins with the log of
    /// `from` events, in the form that C2SP witnesses take. Any earlier head is signed on request: it is a
    /// head of the same log, and the proof shows it.
    ///
    /// # Errors
    /// [`LogError::Prove`] outside the log, or a failure of the store or the key service.
    pub async fn consistency_proof(
        &self,
        scope: &TenantScope,
        from: u64,
        to: Option<u64>,
    ) -> Result<String, LogError<S::Error>> {
        let (newest, signed, _) = self.signed_head(scope).await?;
        let (head, signed) = match to {
            Some(size) if size != newest.size => {
                let head = self.head_at(scope, newest, size).await?;
                (head, self.sign(scope, head).await?)
            }
            _ => (newest, signed),
        };
        let hashes = self.prove(scope, |tiles| prove_consistency(head.size, head.root, from, tiles)).await?;
        Ok(proof::consistency_text(from, &hashes, &signed.note))
    }

    /// The signed head of the log as it was at `size` events.
    ///
    /// # Errors
    /// As [`MerkleLog::consistency_proof`].
    pub async fn checkpoint_at(
        &self,
        scope: &TenantScope,
        size: u64,
    ) -> Result<SignedHead, LogError<S::Error>> {
        let (newest, signed, _) = self.signed_head(scope).await?;
        if newest.size == size {
            return Ok(signed);
        }
        let head = self.head_at(scope, newest, size).await?;
        self.sign(scope, head).await
    }

    async fn head_at(
        &self,
        scope: &TenantScope,
        newest: Head,
        size: u64,
    ) -> Result<Head, LogError<S::Error>> {
        let root = self.prove(scope, |tiles| root_at(newest.size, newest.root, size, tiles)).await?;
        Ok(Head { size, root })
    }

    /// Asks a prover until it has all the tiles it wants. Each round reads the tiles of one request, and a
    /// prover makes two at most.
    async fn prove<T>(
        &self,
        scope: &TenantScope,
        ask: impl Fn(&TileSet) -> Result<Proving<T>, ProveError> + Send + Sync,
    ) -> Result<T, LogError<S::Error>> {
        let mut set = TileSet::default();
        loop {
            let wanted = match ask(&set)? {
                Proving::Done(proof) => return Ok(proof),
                Proving::Needs(wanted) => wanted,
            };
            let found = self.tiles(scope, &wanted).await?;
            // A tile that is not stored will not appear by asking again.
            if wanted.iter().any(|id| !found.contains_key(id)) {
                return Err(ProveError::Damaged.into());
            }
            for (id, data) in found {
                set.insert(id, data);
            }
        }
    }
}
