//! What the journal keeps: the changes, each as it was decided.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::message::StoredMessage;

/// One change. A journal record is a list of them, which happen together or not at all.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Record {
    /// The next message takes at least this sequence. Written by compaction, which forgets deleted messages.
    Sequence(u64),
    QueueCreated {
        queue: String,
        attributes: BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
        at: i64,
        modified: i64,
    },
    QueueChanged {
        queue: String,
        attributes: BTreeMap<String, String>,
        at: i64,
    },
    QueueTagged {
        queue: String,
        tags: BTreeMap<String, String>,
    },
    QueueDeleted {
        queue: String,
    },
    QueuePurged {
        queue: String,
        at: i64,
    },
    Sent {
        queue: String,
        message: Arc<StoredMessage>,
        /// Whether it was moved here from another queue: such a message is never a duplicate.
        moved: bool,
    },
    Deleted {
        queue: String,
        sequence: u64,
    },
    Received {
        queue: String,
        sequence: u64,
        count: u32,
        first: i64,
        at: i64,
        until: i64,
    },
    VisibilityChanged {
        queue: String,
        sequence: u64,
        until: i64,
    },
    /// A deduplication id in use whose message may be gone. Written by compaction.
    Deduplicated {
        queue: String,
        key: String,
        sequence: u64,
        message_id: String,
        at: i64,
    },
}
