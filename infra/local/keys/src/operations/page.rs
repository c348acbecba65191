//! Pages of lists: a limit, and a marker that names the last item answered.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use toss_local_protocol::ServiceError;

use crate::{constraint::within, refusal};

/// Which page a call asks for.
pub(crate) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    pub(crate) fn read(
        limit: Option<i64>,
        default: i64,
        most: i64,
        marker: Option<&str>,
    ) -> Result<Self, ServiceError> {
        let limit = within(limit.unwrap_or(default), "limit", &(1..=most))?;
        let after = marker.map(decode).transpose()?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), after })
    }

    /// The page of items that are sorted by name, with what tells whether and where it goes on.
    pub(crate) fn of(
        &self,
        member: &str,
        items: impl Iterator<Item = (String, Value)>,
    ) -> Map<String, Value> {
        let mut rest = items.filter(|(name, _)| self.after.as_ref().is_none_or(|after| name > after));
        let page: Vec<_> = rest.by_ref().take(self.limit).collect();
        let last = page.last().map(|(name, _)| name.clone());
        let truncated = rest.next().is_some();
        let mut answer = Map::new();
        answer.insert(member.into(), page.into_iter().map(|(_, item)| item).collect());
        answer.insert("Truncated".into(), json!(truncated));
        if let (true, Some(last)) = (truncated, last) {
            answer.insert("NextMarker".into(), json!(URL_SAFE_NO_PAD.encode(last)));
        }
        answer
    }
}

fn decode(marker: &str) -> Result<String, ServiceError> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| refusal::invalid_marker())?;
    String::from_utf8(bytes).map_err(|_| refusal::invalid_marker())
}
