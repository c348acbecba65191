//! Lists in pages.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Index, StoreError, Table};

/// Part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
}

/// A place in a list, opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub(crate) Vec<String>);

impl Cursor {
    /// The cursor from its text, as a caller sends it back.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] when it is none. Whether it belongs to the list is checked by the query.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| StoreError::BadCursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = serde_json::to_vec(&self.0).map_err(|_| std::fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Which items of a partition, and in which order.
#[derive(Debug, Clone)]
pub struct Range {
    pub(crate) table: Table,
    pub(crate) index: Option<Index>,
    pub(crate) pk: String,
    pub(crate) sort: Sort,
    pub(crate) forward: bool,
    pub(crate) limit: i32,
    pub(crate) after: Option<Cursor>,
}

#[derive(Debug, Clone)]
pub(crate) enum Sort {
    All,
    Prefix(String),
    Between(String, String),
}

impl Range {
    /// All items of a partition, oldest first, at most 50 a page.
    #[must_use]
    pub fn of(table: Table, pk: String) -> Self {
        Self { table, index: None, pk, sort: Sort::All, forward: true, limit: 50, after: None }
    }

    /// Over an index, whose partition key `pk` then is.
    #[must_use]
    pub fn by(mut self, index: Index) -> Self {
        self.index = Some(index);
        self
    }

    /// Only sort keys that begin so.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.sort = Sort::Prefix(prefix.into());
        self
    }

    /// Only sort keys from `first` to `last`, both included.
    #[must_use]
    pub fn between(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.sort = Sort::Between(first.into(), last.into());
        self
    }

    /// Newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.forward = false;
        self
    }

    /// At most so many a page; 1 to 1,000.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = i32::try_from(limit.clamp(1, 1000)).unwrap_or(1000);
        self
    }

    /// From a cursor on.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}
