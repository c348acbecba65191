//! Calling functions.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use toss_asl::{Failure, Invocation, Payload};

use crate::{
    core::Core,
    home::{FunctionAnswer, FunctionCall},
};

use super::{
    Answer,
    failures::refused,
    http::{Shape, metadata},
};

/// A Task whose `Resource` is the function: input and output are the payload itself.
pub(super) async fn call_directly(core: &Core, invocation: &Invocation, role: &str) -> Answer {
    let payload = Bytes::copy_from_slice(invocation.parameters.text().as_bytes());
    let function = invocation.resource.arn();
    let text = call(core, FunctionCall { function, payload, role, event: false }).await?;
    Payload::parse(text).map_err(|error| not_json(&error))
}

/// `arn:aws:states:::lambda:invoke`.
pub(super) async fn invoke(core: &Core, invocation: &Invocation, role: &str) -> Answer {
    let arguments = invocation.parameters.value();
    let mut function =
        arguments.get("FunctionName").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    if let Some(qualifier) = arguments.get("Qualifier").and_then(|qualifier| qualifier.as_str()) {
        function = format!("{function}:{qualifier}");
    }
    let payload = match arguments.get("Payload") {
        // No payload is an empty event.
        None | Some(toss_asl::Value::Null) => "{}".to_owned(),
        // A text is sent as it is: the function reads JSON from it.
        Some(toss_asl::Value::String(text))
            if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() =>
        {
            text.to_string()
        }
        Some(payload) => payload.to_json(),
    };
    let event = arguments.get("InvocationType").and_then(|kind| kind.as_str()) == Some("Event");
    let call_of = FunctionCall { function: &function, payload: payload.into(), role, event };
    let text = call(core, call_of).await?;
    let result: Value =
        if event { json!("") } else { serde_json::from_str(&text).map_err(|error| not_json(&error))? };
    let mut output = Map::new();
    output.insert("ExecutedVersion".into(), json!("$LATEST"));
    output.insert("Payload".into(), result);
    let log = arguments.get("LogType").and_then(|kind| kind.as_str()) == Some("Tail");
    let metadata = metadata(core, Shape::Lambda { log }, &text);
    if let Some(log) = metadata[0].1.pointer("/HttpHeaders/X-Amz-Log-Result") {
        output.insert("LogResult".into(), log.clone());
    }
    for (name, value) in metadata {
        output.insert(name.into(), value);
    }
    output.insert("StatusCode".into(), json!(if event { 202 } else { 200 }));
    Ok(Payload::from_value(Value::Object(output).into()))
}

async fn call(core: &Core, call: FunctionCall<'_>) -> Result<String, Failure> {
    let answer = core.invoker.invoke(call).await.map_err(|error| refused("lambda", &error))?;
    match answer {
        FunctionAnswer::Result(bytes) => String::from_utf8(bytes.into()).map_err(|error| not_json(&error)),
        FunctionAnswer::Error(bytes) => Err(failure_of(&bytes)),
    }
}

/// The failure that a function's error body means: its type is what `Retry` and `Catch` match.
fn failure_of(body: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(body);
    let error_type = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| body.get("errorType").and_then(Value::as_str).map(str::to_owned));
    match error_type {
        Some(error_type) => Failure::new(error_type, text.as_ref()),
        None => Failure::new(
            "Lambda.Unknown",
            format!(
                "The cause could not be determined because Lambda did not return an error type. Returned payload: {text}"
            ),
        ),
    }
}

fn not_json(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("States.Runtime", format!("The function's result is not JSON: {error}"))
}
