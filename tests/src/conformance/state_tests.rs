//! `TestState` requests.

use super::Verdict;
use serde_json::Value;

pub(crate) fn run(_case: &Value) -> Verdict {
    Verdict::Skipped
}
