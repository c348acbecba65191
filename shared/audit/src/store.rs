//! What the log needs of a store, and how an event is made ready for one.

use std::future::Future;

use jiff::Timestamp;
use toss_kernel::{TenantScope, id::AuditEventId};

use crate::{
    AuditEvent, Binding, DataKeys, Envelope, EnvelopeError, Leaf,
    envelope::{SealError, Sealed},
    event::Header,
    merkle::TileId,
    sealer::{Append, Head, SignedHead},
};

/// An event ready to be stored: its public part in clear, all of it encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// The public part.
    pub header: Header,
    /// The whole event, encrypted.
    pub sealed: Sealed,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The public part.
    pub header: Header,
    /// The whole event, encrypted.
    pub sealed: Sealed,
    /// Its place in the Merkle log, once it has one.
    pub place: Option<u64>,
}

impl StoredEvent {
    /// The leaf that the log commits to.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        Leaf::new(&self.header, &self.sealed)
    }

    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.header.time
    }
}

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not open.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// It opens to something that is not an event.
    #[error("the stored event {event} is not in a form this version reads")]
    Form {
        /// The event.
        event: AuditEventId,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// What was encrypted tells another story than what stands in clear.
    #[error("the stored event {event} was changed: its public part is not that of its content")]
    Changed {
        /// The event.
        event: AuditEventId,
    },
}

/// Encrypts an event under its tenant's data key.
///
/// # Errors
/// [`EnvelopeError`] when the key service fails.
pub async fn seal_event<K: DataKeys>(
    envelope: &Envelope<K>,
    event: &AuditEvent,
) -> Result<SealedEvent, EnvelopeError> {
    let header = event.header();
    let plaintext = serde_json::to_vec(event).map_err(|_| SealError::Unserialisable)?;
    let sealed = envelope.seal(header.tenant, &Binding::audit_event(&header), &plaintext).await?;
    Ok(SealedEvent { header, sealed })
}

/// Decrypts a stored event and checks that it says what its public part says.
///
/// # Errors
/// [`ReadError`] when it does not open or was changed.
pub async fn open_event<K: DataKeys>(
    envelope: &Envelope<K>,
    stored: &StoredEvent,
) -> Result<AuditEvent, ReadError> {
    let header = &stored.header;
    let plaintext = envelope.open(header.tenant, &Binding::audit_event(header), &stored.sealed).await?;
    let event: AuditEvent = serde_json::from_slice(&plaintext)
        .map_err(|source| ReadError::Form { event: header.event, source })?;
    if event.header() == *header { Ok(event) } else { Err(ReadError::Changed { event: header.event }) }
}

/// Where logs are stored. Reads are strongly consistent.
pub trait LogStore: Send + Sync {
    /// Why the store failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The head of the tenant's log, if it has any event.
    fn head(&self, scope: &TenantScope) -> impl Future<Output = Result<Option<Head>, Self::Error>> + Send;

    /// Those of the tiles that are stored.
    fn tiles(
        &self,
        scope: &TenantScope,
        ids: &[TileId],
    ) -> impl Future<Output = Result<Vec<(TileId, Vec<u8>)>, Self::Error>> + Send;

    /// Those of the events that are stored, in the order asked for.
    fn events(
        &self,
        scope: &TenantScope,
        ids: &[AuditEventId],
    ) -> impl Future<Output = Result<Vec<StoredEvent>, Self::Error>> + Send;

    /// Performs the append if the head has the expected size and none of the events has a place; answers
    /// whether it did. All or nothing.
    fn append(
        &self,
        scope: &TenantScope,
        append: &Append,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The newest signed head that was stored.
    fn signed_head(
        &self,
        scope: &TenantScope,
    ) -> impl Future<Output = Result<Option<SignedHead>, Self::Error>> + Send;

    /// Stores a signed head unless a newer one is stored.
    fn put_signed_head(
        &self,
        scope: &TenantScope,
        head: &SignedHead,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
