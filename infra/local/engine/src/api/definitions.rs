//! Checking definitions.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::{Machine, Severity};
use toss_local_protocol::ServiceError;

use crate::core::Core;

use super::{
    Answer,
    input::{Checks, Input},
};

pub(super) fn validate(input: &Input) -> Answer {
    let definition = input.text("definition")?;
    let severity = input.text("severity")?;
    Checks::new()
        .required("definition", definition)
        .length("definition", definition, 1, 1_048_576)
        .one_of("type", input.text("type")?, &["STANDARD", "EXPRESS"])
        .one_of("severity", severity, &["ERROR", "WARNING"])
        .finish()?;
    let limit = match input.number("maxResults")?.unwrap_or(0.0) {
        limit if !(1.0..=100.0).contains(&limit) => 100,
        limit => limit as usize,
    };
    let found = Machine::parse(definition.unwrap_or_default()).err().unwrap_or_default();
    let failed = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let shown: Vec<Value> = found
        .iter()
        .filter(|diagnostic| severity == Some("WARNING") || diagnostic.severity == Severity::Error)
        .map(|diagnostic| json!(diagnostic))
        .collect();
    Ok(json!({
        "result": if failed { "FAIL" } else { "OK" },
        "truncated": shown.len() > limit,
        "diagnostics": shown.into_iter().take(limit).collect::<Vec<_>>(),
    }))
}

pub(super) async fn test_state(_core: &Arc<Core>, _input: &Input) -> Answer {
    Err(ServiceError::unknown_operation("TestState"))
}
