//! What the batch operations share: their limits, and the answer per entry.

use std::collections::HashSet;

use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::{query_error_code, refusal};

const MOST_ENTRIES: usize = 10;
const LONGEST_ID: usize = 80;

/// Checks the entries of a batch, and answers them with their ids.
pub(super) fn checked<T>(
    entries: Option<Vec<T>>,
    id: impl Fn(&T) -> Option<&String>,
) -> Result<Vec<(String, T)>, ServiceError> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(refusal::modelled(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > MOST_ENTRIES {
        return Err(refusal::modelled(
            "TooManyEntriesInBatchRequest",
            format!(
                "Maximum number of entries per request are {MOST_ENTRIES}. You have sent {}.",
                entries.len()
            ),
        ));
    }
    let mut seen = HashSet::new();
    let mut checked = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = refusal::required(id(&entry).cloned(), "Id")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(allowed) {
            return Err(refusal::modelled(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id.clone()) {
            return Err(refusal::modelled("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
        }
        checked.push((id, entry));
    }
    Ok(checked)
}

/// The answer to a batch: what each entry came to.
#[derive(Default)]
pub(super) struct Outcomes {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl Outcomes {
    pub(super) fn add(&mut self, id: &str, outcome: Result<Value, ServiceError>) {
        match outcome {
            Ok(Value::Object(mut members)) => {
                members.insert("Id".into(), json!(id));
                self.successful.push(members.into());
            }
            Ok(_) => self.successful.push(json!({ "Id": id })),
            Err(error) => self.failed.push(json!({
                "Id": id,
                "SenderFault": error.status < 500,
                "Code": query_error_code(&error.code),
                "Message": error.message,
            })),
        }
    }

    pub(super) fn answer(self) -> Value {
        json!({ "Successful": self.successful, "Failed": self.failed })
    }
}
