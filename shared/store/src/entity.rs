//! Item types.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Index, Key, Table};

/// An item type: a plain struct whose fields are the item's attributes.
///
/// The store adds `pk`, `sk`, `kind`, index attributes and `ttl`; a type must not have fields of those names.
/// What may be replaced has a field `revision: u64` that [`Entity::revision`] returns; the store writes it
/// one higher with each replacement and refuses a write whose reader saw another.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync {
    /// The table it is in.
    const TABLE: Table;
    /// The value of the attribute `kind`.
    const KIND: &'static str;

    /// Its key. The scope is part of the item, or of how it was found.
    fn key(&self) -> Key;

    /// Its places in the indexes.
    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
    }

    /// When it expires, in seconds since 1970; DynamoDB deletes it some time after.
    fn expires(&self) -> Option<i64> {
        None
    }

    /// How often it was replaced.
    fn revision(&self) -> u64 {
        0
    }

    /// Sets the revision, for types that have one.
    fn set_revision(&mut self, _: u64) {}
}

/// A place in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The index.
    pub index: Index,
    /// Partition key in the index; of a tenant's items made with [`crate::tenant_partition`].
    pub pk: String,
    /// Sort key in the index.
    pub sk: String,
}
