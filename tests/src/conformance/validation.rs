//! Definitions: what AWS refuses and in what words.

use super::Verdict;
use super::compare::difference;
use serde_json::{Value, json};
use toss_asl::{Diagnostic, MachineType, Severity, ValidationOptions, check_logging, rejection, validate};

/// `CreateStateMachine`, `UpdateStateMachine` and `ValidateStateMachineDefinition`.
pub(crate) fn run_api(case: &Value) -> Verdict {
    let definition = case["definition_text"].as_str().unwrap_or_default();
    let express = case["other_args"]["type"] == "EXPRESS";
    let machine_type = if express { MachineType::Express } else { MachineType::Standard };
    let found = validate(definition, ValidationOptions { machine_type, any_resource: false });
    if case["api"] == "ValidateStateMachineDefinition" {
        return diagnosed(case, &found);
    }
    let (code, message) = match check_logging(&case["other_args"]["loggingConfiguration"]) {
        Err(message) => ("InvalidLoggingConfiguration", message),
        Ok(()) if found.iter().any(is_error) => ("InvalidDefinition", rejection(&found)),
        Ok(()) => ("", String::new()),
    };
    let wanted = wanted(case);
    // Whether a machine of that name is there already is not for a definition to say.
    let about_names = |text: &str| text.contains("Already Exists") || text.contains("Does Not Exist");
    if wanted.iter().any(|text| about_names(text)) {
        return Verdict::Skipped;
    }
    judge_refusal(case, code, &message)
}

fn wanted(case: &Value) -> Vec<String> {
    case["expected"].as_array().into_iter().flatten().map(wanted_message).collect()
}

pub(super) fn judge_refusal(case: &Value, code: &str, message: &str) -> Verdict {
    let service_text =
        format!("An error occurred ({code}) when calling the {} operation: {message}", api_name(case));
    let known = [code, message, service_text.as_str()];
    let fits = |text: &String| known.iter().any(|known| difference(&json!(text), &json!(known)).is_none());
    match wanted(case).iter().find(|text| !fits(text)) {
        None => Verdict::Passed,
        Some(wanted) => Verdict::Failed(format!("expected {wanted}, found {code}: {message}")),
    }
}

fn api_name(case: &Value) -> &str {
    case["api"].as_str().unwrap_or_default()
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

fn wanted_message(expected: &Value) -> String {
    match expected {
        Value::String(text) => text.clone(),
        other => other["message"].as_str().unwrap_or_default().to_owned(),
    }
}

fn diagnosed(case: &Value, found: &[Diagnostic]) -> Verdict {
    let result = if found.iter().any(is_error) { "FAIL" } else { "OK" };
    judge_diagnostics(case, &json!({ "diagnostics": found, "result": result, "truncated": false }))
}

pub(super) fn judge_diagnostics(case: &Value, answer: &Value) -> Verdict {
    let mut wanted = case["expected"][0].clone();
    if let Some(members) = wanted.as_object_mut() {
        members.remove("ResponseMetadata");
    }
    difference(&wanted, answer).map_or(Verdict::Passed, Verdict::Failed)
}

/// Definitions that other validators accept or refuse. They know the States Language and not AWS's resources.
pub(crate) fn run_validity(category: &str, case: &Value) -> Verdict {
    let definition = match case["definition_text"].as_str() {
        Some(text) => text.to_owned(),
        None => case["definition"].to_string(),
    };
    let any_resource = category.starts_with("validator-");
    let found = validate(&definition, ValidationOptions { any_resource, ..ValidationOptions::default() });
    match (found.iter().any(is_error), case["valid"] == Value::Bool(true)) {
        (false, true) | (true, false) => Verdict::Passed,
        (false, false) => Verdict::Failed("accepted".to_owned()),
        (true, true) => Verdict::Failed(rejection(&found)),
    }
}
