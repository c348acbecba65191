//! Tables, keys and item types; the only crate that names a DynamoDB attribute.
//!
//! Four tables, one for each way of being used: `directory` (what is found before a tenant is known),
//! `work` (what tenants own), `audit` (events and their log, whose stream feeds the sealer), `limits`
//! (short-lived counters and idempotency records, which expire). An item type is an [`Entity`]: it says its
//! table, its key under a [`TenantScope`](toss_kernel::TenantScope), and its index entries. Every write is
//! conditional: [`Store::create`] refuses what exists, [`Store::replace`] refuses what has changed since it
//! was read, and a [`Transaction`] does several of them or none.
//!
//! | access pattern | item | key |
//! |---|---|---|
#![doc = include_str!("../ACCESS_PATTERNS.md")]

pub mod audit;
mod binary;
pub mod clients;
mod entity;
mod error;
pub mod executions;
pub mod groups;
pub mod idempotency;
pub mod inbox;
mod json_text;
mod key;
pub mod limits;
mod page;
mod store;
mod table;
pub mod tasks;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
pub mod webhooks;
pub mod workflows;

pub use entity::{Entity, IndexEntry};
pub use error::StoreError;
pub use key::{Key, platform_partition, tenant_partition};
pub use page::{Cursor, Page, Range};
pub use store::Store;
pub use table::{Index, Table, TableNames};
pub use transaction::Transaction;
