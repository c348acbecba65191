//! The logging configuration of a state machine.

use serde_json::Value;

/// Checks a `loggingConfiguration` as `CreateStateMachine` does.
///
/// # Errors
/// The message of AWS's `InvalidLoggingConfiguration`.
pub fn check_logging(configuration: &Value) -> Result<(), String> {
    let logs = configuration.get("level").and_then(Value::as_str).is_some_and(|level| level != "OFF");
    let destinations = configuration.get("destinations").and_then(Value::as_array).map_or(0, Vec::len);
    if logs && destinations != 1 || destinations > 1 {
        return Err("Invalid Logging Configuration: Must specify exactly one Log Destination.".to_owned());
    }
    Ok(())
}
