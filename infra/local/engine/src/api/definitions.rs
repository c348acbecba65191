//! Checking definitions.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::{ApiError, MachineType, Severity, StateTest, Timestamp, ValidationOptions};
use toss_local_protocol::ServiceError;

use crate::{core::Core, tasks};

use super::{
    Answer,
    input::{Checks, Input},
};

pub(super) fn validate(input: &Input) -> Answer {
    let definition = input.text("definition")?;
    let (severity, kind) = (input.text("severity")?, input.text("type")?);
    Checks::new()
        .required("definition", definition)
        .length("definition", definition, 1, 1_048_576)
        .one_of("type", kind, &["STANDARD", "EXPRESS"])
        .one_of("severity", severity, &["ERROR", "WARNING"])
        .finish()?;
    let limit = match input.number("maxResults")?.unwrap_or(0.0) {
        limit if !(1.0..=100.0).contains(&limit) => 100,
        limit => limit as usize,
    };
    let machine_type = if kind == Some("EXPRESS") { MachineType::Express } else { MachineType::Standard };
    let options = ValidationOptions { machine_type, ..ValidationOptions::default() };
    let found = toss_asl::validate(definition.unwrap_or_default(), options);
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

pub(super) async fn test_state(core: &Arc<Core>, input: &Input) -> Answer {
    let refused = |error: ApiError| ServiceError::client(error.code, error.message);
    let (region, account) = (core.names.region.as_str(), core.names.account.as_str());
    let now = Timestamp::from_millis(core.now());
    let test = StateTest::new(&input.to_json(), (region, account), now).map_err(refused)?;
    let answer = match test.call() {
        Some(invocation) => {
            let role = invocation.role.as_deref().or(input.text("roleArn")?).unwrap_or_default();
            Some(tasks::call(core, invocation, role).await)
        }
        None => None,
    };
    Ok(test.finish(answer))
}
