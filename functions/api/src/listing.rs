//! Lists in pages, as all of them are asked for and answered.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use toss_runtime::api::Problem;
use toss_store::{Cursor, Page, Range};

/// How many items a page may have: 1 to 100, 50 when the caller says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl Limit {
    /// As a number.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer) {
            Ok(limit @ 1..=100) => Ok(Self(limit)),
            _ => Err(D::Error::custom("'limit' must be a number from 1 to 100")),
        }
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 50 })
    }
}

/// The query of a list without filters.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many items at most.
    #[serde(default)]
    pub(crate) limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// The page of a list that is asked for.
    pub(crate) fn of(&self, range: Range) -> Result<Range, Problem> {
        page(range, self.limit, self.cursor.as_deref())
    }
}

/// A page of a range.
pub(crate) fn page(range: Range, limit: Limit, cursor: Option<&str>) -> Result<Range, Problem> {
    Ok(range.limit(limit.get()).after(cursor.map(Cursor::parse).transpose()?))
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Listing<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page; null at the end.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A whole list that needs no pages.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// A page of the store, each item as the API shows it.
    pub(crate) fn of<I>(page: Page<I>, show: impl FnMut(I) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(show).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        }
    }
}
