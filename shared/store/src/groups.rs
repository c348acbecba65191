//! Groups of people, to whom tasks are assigned by one name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toss_kernel::{TenantScope, id::TenantId};

use crate::{Entity, Key, Range, Table, tenant_partition};

/// A group of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// Names of its members, in alphabetical order.
    pub members: Vec<String>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it was replaced.
    pub revision: u64,
}

impl Group {
    const COLLECTION: &'static str = "groups";

    /// The key of a tenant's group.
    #[must_use]
    pub fn key_of(scope: &TenantScope, name: &str) -> Key {
        Key::of_tenant(scope, Self::COLLECTION, name)
    }

    /// A tenant's groups, by name.
    #[must_use]
    pub fn of_tenant(scope: &TenantScope) -> Range {
        Range::of(Self::TABLE, tenant_partition(scope, Self::COLLECTION))
    }
}

impl Entity for Group {
    const TABLE: Table = Table::Work;
    const KIND: &'static str = "group";

    fn key(&self) -> Key {
        Key::of_item(self.tenant, Self::COLLECTION, self.name.as_str())
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}
