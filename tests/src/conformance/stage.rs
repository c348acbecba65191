//! The home of an engine under comparison: stub functions, objects in memory, and services that answer as recorded.

use super::functions;
use super::world::answer_of;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use toss_asl::{Failure, Payload, token};
use toss_local_engine::{
    AwsCaller, CallError, FunctionAnswer, FunctionCall, ServiceCall, StatusListener, TaskInvoker,
};

/// What recordings name the role of their machines.
const ROLE: &str = "arn:aws:iam::111111111111:role/sfn_role";

/// What the cases of a run find. The role that calls tells whose call it is.
pub(super) struct Stage {
    props: Vec<Props>,
}

struct Props {
    functions: Value,
    objects: Mutex<BTreeMap<(String, String), String>>,
    /// Recorded answers of services, and whether each ends its task.
    recorded: Mutex<VecDeque<(Result<Payload, Failure>, bool)>>,
    /// Whether a worker has begun.
    begun: AtomicBool,
    /// Whether the object store answers as recorded, as there is more to its answers than objects.
    replays_objects: bool,
    /// Tokens that services were sent.
    tokens: Mutex<VecDeque<String>>,
}

impl Stage {
    pub(super) fn new(cases: &[(String, Value)]) -> Self {
        Self { props: cases.iter().map(|(_, case)| Props::new(case)).collect() }
    }

    /// The role of a case's machine.
    pub(super) fn role(case: usize) -> String {
        format!("{ROLE}-{case}-")
    }

    /// The text with the role as it was recorded.
    pub(super) fn as_recorded(case: usize, text: &str) -> String {
        text.replace(&Self::role(case), ROLE)
    }

    fn props(&self, role: &str) -> Option<&Props> {
        let case = role.strip_prefix(ROLE)?.trim_matches('-').parse::<usize>().ok()?;
        self.props.get(case)
    }

    /// A token that waits for its answer.
    pub(super) fn token(&self, case: usize) -> Option<String> {
        held(&self.props.get(case)?.tokens).pop_front()
    }

    /// Whether nobody has asked this for the case before.
    pub(super) fn begins(&self, case: usize) -> bool {
        self.props.get(case).is_some_and(|props| !props.begun.swap(true, Ordering::SeqCst))
    }

    /// The next recorded answer of a case.
    pub(super) fn answer(&self, case: usize) -> Option<(Result<Payload, Failure>, bool)> {
        held(&self.props.get(case)?.recorded).pop_front()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

impl Props {
    fn new(case: &Value) -> Self {
        let objects = case["s3_objects"].as_array().into_iter().flatten().map(|object| {
            let place = (text_of(object, "bucket").to_owned(), text_of(object, "key").to_owned());
            (place, text_of(object, "body").to_owned())
        });
        let recorded = case["expected_history"].as_array().into_iter().flatten().filter_map(answer_of);
        Self {
            functions: case["functions"].clone(),
            objects: Mutex::new(objects.collect()),
            recorded: Mutex::new(recorded.collect()),
            begun: AtomicBool::new(false),
            replays_objects: case["expected_history"].to_string().contains("aws-sdk:s3"),
            tokens: Mutex::default(),
        }
    }

    fn object(&self, operation: &str, input: &Value) -> Result<Value, CallError> {
        let place = (text_of(input, "Bucket").to_owned(), text_of(input, "Key").to_owned());
        let mut objects = held(&self.objects);
        match operation {
            "PutObject" => {
                objects.insert(place, text_of(input, "Body").to_owned());
                Ok(json!({}))
            }
            "ListObjectsV2" => {
                let prefix = text_of(input, "Prefix");
                let listed = objects
                    .iter()
                    .filter(|((bucket, key), _)| *bucket == place.0 && key.starts_with(prefix))
                    .map(|((_, key), body)| {
                        json!({
                            "Etag": "\"0\"", "Key": key, "LastModified": 0, "Size": body.len(), "StorageClass": "STANDARD",
                        })
                    });
                Ok(json!({ "Contents": listed.collect::<Vec<_>>() }))
            }
            _ => objects.get(&place).map(|body| json!({ "Body": body })).ok_or_else(|| CallError {
                status: 404,
                code: "NoSuchKey".into(),
                message: "The specified key does not exist.".into(),
            }),
        }
    }

    fn replay(&self, input: &Value) -> Result<Value, CallError> {
        held(&self.tokens).extend(token_in(input));
        match held(&self.recorded).pop_front() {
            Some((Ok(output), _)) => {
                let mut output = output.to_json();
                if let Some(members) = output.as_object_mut() {
                    members.remove("SdkHttpMetadata");
                    members.remove("SdkResponseMetadata");
                }
                Ok(output)
            }
            Some((Err(failure), _)) => refusal(&failure),
            None => Err(CallError {
                status: 500,
                code: "NotRecorded".into(),
                message: "The recording has no such call.".into(),
            }),
        }
    }
}

/// The refusal that the engine told as this failure.
fn refusal(failure: &Failure) -> Result<Value, CallError> {
    let cause = failure.cause.as_deref().unwrap_or_default();
    // What an answer with failed entries says is told as the cause.
    if let Ok(Value::Object(output)) = serde_json::from_str(cause) {
        return Ok(Value::Object(output));
    }
    let (message, rest) = cause.split_once(" (Service: ").unwrap_or((cause, ""));
    let after = |name: &str| {
        let rest = rest.split_once(name).map(|(_, rest)| rest.trim_start());
        rest.map(|rest| rest.split([';', ',', ')']).next().unwrap_or_default().to_owned())
    };
    let error = failure.error.as_deref().unwrap_or_default();
    let name = error.split_once('.').map_or(error, |(_, name)| name);
    // The names of whole services stand for errors that their models do not have.
    let name = if name == "DynamoDbException" { "ValidationException" } else { name };
    Err(CallError {
        status: after("Status Code:").and_then(|status| status.parse().ok()).unwrap_or(400),
        code: after("Error Code:").unwrap_or_else(|| name.to_owned()),
        message: message.to_owned(),
    })
}

fn token_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if token::route(text).is_some() => Some(text.clone()),
        Value::String(text) => serde_json::from_str::<Value>(text)
            .ok()
            .filter(|inner| !inner.is_string())
            .as_ref()
            .and_then(token_in),
        Value::Array(items) => items.iter().find_map(token_in),
        Value::Object(members) => members.values().find_map(token_in),
        _ => None,
    }
}

impl TaskInvoker for Stage {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        Box::pin(async move {
            let payload = serde_json::from_slice(&call.payload).unwrap_or(Value::Null);
            let answer = self
                .props(call.role)
                .and_then(|props| functions::call(&props.functions, call.function, payload))
                .ok_or_else(|| CallError {
                    status: 404,
                    code: "ResourceNotFoundException".into(),
                    message: format!("Function not found: {}", call.function),
                })?;
            tokio::time::sleep(Duration::from_secs(answer.after_seconds)).await;
            Ok(match answer.result {
                Ok(result) => FunctionAnswer::Result(Bytes::from(result.to_string())),
                Err(failure) => {
                    FunctionAnswer::Error(Bytes::from(failure.cause.unwrap_or_default().to_string()))
                }
            })
        })
    }
}

impl AwsCaller for Stage {
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        let answer = match self.props(call.role) {
            Some(props) if call.service == "s3" && !props.replays_objects => {
                props.object(call.operation, &call.input)
            }
            Some(props) => props.replay(&call.input),
            None => Err(CallError {
                status: 403,
                code: "AccessDeniedException".into(),
                message: "The role is not known.".into(),
            }),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// Hears of executions and keeps nothing.
pub(super) struct Deaf;

impl StatusListener for Deaf {
    fn status_changed<'a>(&'a self, _event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
