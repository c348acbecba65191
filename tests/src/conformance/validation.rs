//! Definitions: what AWS refuses and in what words.

use super::Verdict;
use super::execution::fits;
use serde_json::Value;
use toss_asl::{Machine, rejection};

/// `CreateStateMachine` and `ValidateStateMachineDefinition`.
pub(crate) fn run_api(case: &Value) -> Verdict {
    let _ = fits;
    let definition = case["definition_text"].as_str().unwrap_or_default();
    match Machine::parse(definition) {
        Ok(_) => Verdict::Failed("accepted".to_owned()),
        Err(diagnostics) => Verdict::Failed(rejection(&diagnostics)),
    }
}

/// Definitions that other validators accept or refuse.
pub(crate) fn run_validity(_category: &str, case: &Value) -> Verdict {
    let definition = match case["definition_text"].as_str() {
        Some(text) => text.to_owned(),
        None => case["definition"].to_string(),
    };
    match (Machine::parse(&definition), case["valid"] == Value::Bool(true)) {
        (Ok(_), true) | (Err(_), false) => Verdict::Passed,
        (Ok(_), false) => Verdict::Failed("accepted".to_owned()),
        (Err(diagnostics), true) => Verdict::Failed(rejection(&diagnostics)),
    }
}
