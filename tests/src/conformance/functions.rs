//! Stub functions: what the functions of a recording did.

use serde_json::{Value, json};
use toss_asl::{Failure, Invocation, ResourceKind, Timestamp};

/// What a call comes to, and after how long.
pub(crate) struct Answer {
    pub(crate) result: Result<Value, Failure>,
    pub(crate) after_seconds: u64,
}

/// What the function of this name or ARN answers to the payload; `None` where there is no such function.
pub(crate) fn call(functions: &Value, wanted: &str, payload: Value) -> Option<Answer> {
    let functions = functions.as_object()?;
    let (_, function) = functions.iter().find(|(arn, function)| {
        let name = function["name"].as_str().unwrap_or_default();
        **arn == wanted || name == wanted || wanted.rsplit(':').any(|part| part == name)
    })?;
    let argument = &function["arg"];
    let mut after_seconds = 0;
    let result = match function["behaviour"].as_str()? {
        "identity" => Ok(payload),
        "const" => Ok(argument.clone()),
        "raw_bytes" => Ok(json!("HelloWorld!")),
        "decorate" => Ok(json!(format!("input-event-{}", python(&payload)))),
        "large_string" => Ok(json!("a".repeat(argument.as_u64().unwrap_or(0).try_into().unwrap_or(0)))),
        "sleep" => {
            after_seconds = argument.as_u64().unwrap_or(0);
            Ok(payload)
        }
        "raise" => Err(raised(argument)),
        _ => return None,
    };
    Some(Answer { result, after_seconds })
}

const LOG: &str = "U1RBUlQ=";
const REQUEST_ID: &str = "0f3c7e1a-0000-4000-8000-000000000001";

/// Answers a call of a function; `None` for anything else.
pub(crate) fn answer(functions: &Value, invocation: &Invocation, now: Timestamp) -> Option<Answer> {
    let parameters = invocation.parameters.to_json();
    let (wanted, payload, wrapped) = match invocation.resource.kind() {
        ResourceKind::Function => (invocation.resource.arn().to_owned(), parameters, false),
        ResourceKind::Service(_) if invocation.resource.service() == "lambda" => {
            let name = parameters["FunctionName"].as_str()?.to_owned();
            let payload = match parameters.get("Payload") {
                // A payload that is a text is sent as it is, and the function reads JSON from it.
                // No payload is an empty event.
                Some(Value::Null) => json!({}),
                Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
                Some(payload) => payload.clone(),
                None => json!({}),
            };
            (name, payload, true)
        }
        _ => return None,
    };
    let Answer { result, after_seconds } = call(functions, &wanted, payload)?;
    let result = if wrapped {
        let with_log = with_log(&invocation.parameters.to_json());
        result.map(|payload| envelope(&payload, with_log, now))
    } else {
        result
    };
    Some(Answer { result, after_seconds })
}

fn with_log(parameters: &Value) -> bool {
    parameters["LogType"] == "Tail"
}

fn raised(argument: &Value) -> Failure {
    let (error, message) = (&argument["errorType"], &argument["errorMessage"]);
    let error = error.as_str().unwrap_or_default();
    let message = message.as_str().unwrap_or_default();
    let trace =
        format!("  File \"/var/task/handler.py\", line 2, in handler\n    raise {error}(\"{message}\")\n");
    let cause = json!({
        "errorMessage": message, "errorType": error, "requestId": REQUEST_ID, "stackTrace": [trace],
    });
    Failure::new(error, cause.to_string())
}

/// The answer of `lambda:invoke`.
fn envelope(payload: &Value, with_log: bool, now: Timestamp) -> Value {
    let length = payload.to_string().len().to_string();
    let trace = "root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;parent=9a9197af755a6419;sampled=0";
    let headers = [
        ("X-Amz-Executed-Version", "$LATEST"),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", REQUEST_ID),
        ("Content-Length", &length),
        ("Date", &now.to_string()),
        ("X-Amzn-Trace-Id", trace),
        ("Content-Type", "application/json"),
    ];
    let headers = headers.into_iter().chain(with_log.then_some(("X-Amz-Log-Result", LOG)));
    let headers: Vec<(&str, &str)> = headers.collect();
    let single: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let lists: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let mut answer = json!({
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        "SdkHttpMetadata": { "AllHttpHeaders": lists, "HttpHeaders": single, "HttpStatusCode": 200 },
        "SdkResponseMetadata": { "RequestId": REQUEST_ID },
        "StatusCode": 200,
    });
    if let (true, Some(members)) = (with_log, answer.as_object_mut()) {
        members.insert("LogResult".to_owned(), json!(LOG));
    }
    answer
}

/// A value as Python prints it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("'{name}': {}", quoted(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => python(other),
    }
}
