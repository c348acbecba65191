//! Reading events in order, decrypted and filtered, so many in one request and no more.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use toss_audit::{AuditEvent, EnvelopeError, ReadError, TrailError};
use toss_kernel::{TenantScope, id::AuditEventId};
use toss_runtime::api::Problem;
use toss_store::{Range, audit::AuditRecord};
use ulid::Ulid;

use super::Audit;

/// Events that are decrypted at a time: each may need the key service.
const AT_ONCE: usize = 16;
/// The most events that one request looks at for a filter.
const MOST_EXAMINED: usize = 2000;
/// The most bytes of ciphertext in one answer, which is larger in clear; a Lambda may answer 6 MB.
const MOST_BYTES: usize = 2 << 20;

/// Where to read.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    /// The event after which to go on, as [`Scanned::next`] gave it.
    pub(super) cursor: Option<String>,
    pub(super) newest_first: bool,
}

/// What to keep of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// The action's name, or its beginning before `.*`.
    pub(super) action: Option<String>,
    /// The name, client or key of who acted, or the name of whom it was for.
    pub(super) principal: Option<String>,
    /// The target's id or kind.
    pub(super) target: Option<String>,
}

/// An event that was read.
pub(super) struct Read {
    pub(super) id: AuditEventId,
    pub(super) time: Timestamp,
    pub(super) action: String,
    pub(super) place: Option<u64>,
    /// The event, or why it does not open. A record that was tampered with is shown as such and hides none of
    /// the others.
    pub(super) event: Result<AuditEvent, String>,
}

/// Part of the log.
pub(super) struct Scanned {
    pub(super) events: Vec<Read>,
    /// Where to go on; none at the end.
    pub(super) next: Option<AuditEventId>,
}

impl Filter {
    fn takes_action(&self, action: &str) -> bool {
        self.action.as_deref().is_none_or(|wanted| match wanted.strip_suffix(".*") {
            Some(subject) => action.strip_prefix(subject).is_some_and(|rest| rest.starts_with('.')),
            None => action == wanted,
        })
    }

    fn takes(&self, read: &Read) -> bool {
        if self.principal.is_none() && self.target.is_none() {
            return true;
        }
        let Ok(event) = &read.event else { return false };
        let principal = |wanted: &String| {
            let actor = &event.actor;
            actor.principal == *wanted
                || actor.on_behalf_of.as_ref() == Some(wanted)
                || actor.client.is_some_and(|client| client.to_string() == *wanted)
                || actor.key.is_some_and(|key| key.to_string() == *wanted)
        };
        let target = |wanted: &String| event.target.id == *wanted || event.target.kind == *wanted;
        self.principal.as_ref().is_none_or(principal) && self.target.as_ref().is_none_or(target)
    }

    const fn is_empty(&self) -> bool {
        self.action.is_none() && self.principal.is_none() && self.target.is_none()
    }
}

impl Window {
    /// The range of the table; none when nothing can be in it.
    fn range(&self, scope: &TenantScope) -> Result<Option<Range>, Problem> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Problem::bad_request("bad-query", "'from' must not be later than 'to'."));
        }
        let milliseconds = |time: Timestamp| u64::try_from(time.as_millisecond()).unwrap_or(0);
        let mut first = Ulid::from_parts(self.from.map_or(0, milliseconds), 0).0;
        let mut last = Ulid::from_parts(self.to.map_or((1 << 48) - 1, milliseconds), u128::MAX).0;
        if let Some(cursor) = &self.cursor {
            let bad = |_| {
                Problem::bad_request(
                    "bad-cursor",
                    "The cursor is not one that this list gave; start again without it.",
                )
            };
            let cursor = cursor.parse::<AuditEventId>().map_err(bad)?.ulid().0;
            if self.newest_first {
                last = last.min(cursor.saturating_sub(1));
            } else {
                first = first.max(cursor.saturating_add(1));
            }
        }
        if first > last {
            return Ok(None);
        }
        let id = |ulid| AuditEventId::from_ulid(Ulid(ulid)).to_string();
        let range = AuditRecord::of_tenant(scope, None, None).between(id(first), id(last));
        Ok(Some(if self.newest_first { range.newest_first() } else { range }))
    }
}

impl Audit {
    /// Reads at most `limit` events that pass the filter.
    pub(super) async fn scan(
        &self,
        scope: &TenantScope,
        window: &Window,
        filter: &Filter,
        limit: usize,
    ) -> Result<Scanned, Problem> {
        let mut events = Vec::new();
        let Some(range) = window.range(scope)? else { return Ok(Scanned { events, next: None }) };
        let chunk = if filter.is_empty() { limit } else { 200 };
        let range = range.limit(u32::try_from(chunk).unwrap_or(200));
        let (mut examined, mut bytes, mut after) = (0, 0, None);
        loop {
            let page = self.store.list::<AuditRecord>(range.clone().after(after)).await?;
            let (mut last, mut rest) = (None, page.items.len());
            let mut reading = stream::iter(page.items)
                .map(|record| async move {
                    let (id, size) = (record.id, record.ciphertext.len());
                    let read = if filter.takes_action(&record.action) {
                        Some(self.read(record).await?)
                    } else {
                        None
                    };
                    Ok::<_, Problem>((id, size, read))
                })
                .buffered(AT_ONCE);
            while let Some((id, size, read)) = reading.try_next().await? {
                (last, rest, examined) = (Some(id), rest - 1, examined + 1);
                if let Some(read) = read.filter(|read| filter.takes(read)) {
                    bytes += size;
                    events.push(read);
                }
                if events.len() >= limit || bytes >= MOST_BYTES {
                    let more = rest > 0 || page.next.is_some();
                    return Ok(Scanned { events, next: last.filter(|_| more) });
                }
            }
            drop(reading);
            after = page.next;
            if after.is_none() || examined >= MOST_EXAMINED {
                return Ok(Scanned { events, next: last.filter(|_| after.is_some()) });
            }
        }
    }

    /// Decrypts a record.
    pub(super) async fn read(&self, record: AuditRecord) -> Result<Read, Problem> {
        let (id, time, action, place) = (record.id, record.time, record.action.clone(), record.place);
        let event = match self.trail.open(record).await {
            Ok(event) => Ok(event),
            Err(TrailError::Read(ReadError::Envelope(EnvelopeError::KeyService(error)))) => {
                return Err(Problem::internal(&error));
            }
            Err(error @ (TrailError::Damaged(_) | TrailError::Read(_))) => {
                tracing::error!(event = %id, %error, "an audit event does not open");
                Err(error.to_string())
            }
            Err(error) => return Err(Problem::internal(&error)),
        };
        Ok(Read { id, time, action, place, event })
    }
}
