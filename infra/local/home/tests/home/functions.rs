//! Functions to try a home with: what they do is seen in its tables.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_runtime::{Function, FunctionDefinition, FunctionError, InvocationContext, Platform};

/// What the `api` binary of the tests' template holds.
pub fn functions() -> Vec<FunctionDefinition> {
    vec![
        FunctionDefinition::new("echo", |_| Ok(Arc::new(Echo))),
        FunctionDefinition::new("notes", |platform| Ok(Arc::new(Notes(platform.clone())))),
        FunctionDefinition::new("worker", |platform| Ok(Arc::new(Worker(platform.clone())))),
        FunctionDefinition::new("watcher", |platform| Ok(Arc::new(Watcher(platform.clone())))),
        FunctionDefinition::new("trouble", |_| Ok(Arc::new(Trouble))),
    ]
}

type Answer<'a> = BoxFuture<'a, Result<Value, FunctionError>>;

/// Answers the event.
struct Echo;

impl Function for Echo {
    fn invoke<'a>(&'a self, event: Value, _: &'a InvocationContext) -> Answer<'a> {
        async move {
            if event.get("httpMethod").is_none() {
                return Ok(event);
            }
            Ok(json!({ "statusCode": 200, "headers": { "X-Echo": "yes" }, "body": event.to_string() }))
        }
        .boxed()
    }
}

/// Notes in a table, a message for each; and a look at what is not its business.
struct Notes(Platform);

impl Function for Notes {
    fn invoke<'a>(&'a self, event: Value, _: &'a InvocationContext) -> Answer<'a> {
        async move {
            let id = event["pathParameters"]["id"].as_str().unwrap_or_default();
            let body = event["body"].as_str().unwrap_or_default();
            let status = match event["httpMethod"].as_str() {
                Some("PUT") => {
                    put(&self.0, id, body).await?;
                    let url = self.0.environment.required("QUEUE_URL").map_err(failed)?;
                    self.0
                        .sdk
                        .sqs()
                        .send_message()
                        .queue_url(url)
                        .message_body(id)
                        .send()
                        .await
                        .map_err(failed)?;
                    201
                }
                Some("GET") => {
                    let found = get(&self.0, id).await?;
                    return Ok(
                        json!({ "statusCode": if found.is_some() { 200 } else { 404 }, "body": found }),
                    );
                }
                _ => {
                    let table = self.0.environment.required("OTHER_TABLE").map_err(failed)?;
                    let key = AttributeValue::S(id.to_owned());
                    let refused =
                        self.0.sdk.dynamodb().get_item().table_name(table).key("pk", key).send().await;
                    let code = refused.err().and_then(|error| error.code().map(ToOwned::to_owned));
                    return Ok(json!({ "statusCode": 200, "body": code }));
                }
            };
            Ok(json!({ "statusCode": status }))
        }
        .boxed()
    }
}

/// Notes every message it gets; the message `bad` always fails.
struct Worker(Platform);

impl Function for Worker {
    fn invoke<'a>(&'a self, event: Value, _: &'a InvocationContext) -> Answer<'a> {
        async move {
            let mut failures = Vec::new();
            for record in event["Records"].as_array().into_iter().flatten() {
                let body = record["body"].as_str().unwrap_or_default();
                if body == "bad" {
                    failures.push(json!({ "itemIdentifier": record["messageId"] }));
                } else {
                    put(&self.0, &format!("worked-{body}"), "yes").await?;
                }
            }
            Ok(json!({ "batchItemFailures": failures }))
        }
        .boxed()
    }
}

/// Notes what streams, rules and timers tell.
struct Watcher(Platform);

impl Function for Watcher {
    fn invoke<'a>(&'a self, event: Value, _: &'a InvocationContext) -> Answer<'a> {
        async move {
            for record in event["Records"].as_array().into_iter().flatten() {
                let key = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default();
                if !key.starts_with("seen-") {
                    put(&self.0, &format!("seen-{key}"), record["eventName"].as_str().unwrap_or_default())
                        .await?;
                }
            }
            if let Some(name) = event["detail"]["name"].as_str() {
                put(
                    &self.0,
                    &format!("ended-{name}"),
                    event["detail"]["status"].as_str().unwrap_or_default(),
                )
                .await?;
            }
            if event["detail-type"] == "Scheduled Event" {
                put(&self.0, "fired", event["time"].as_str().unwrap_or_default()).await?;
            }
            Ok(Value::Null)
        }
        .boxed()
    }
}

/// Does what functions should not.
struct Trouble;

impl Function for Trouble {
    fn invoke<'a>(&'a self, event: Value, _: &'a InvocationContext) -> Answer<'a> {
        async move {
            match event["pathParameters"]["kind"].as_str() {
                Some("slow") => tokio::time::sleep(Duration::from_secs(60)).await,
                Some("panic") => panic!("as asked"),
                Some("large") => return Ok(json!({ "statusCode": 200, "body": "x".repeat(7 << 20) })),
                _ => return Ok(json!("nonsense")),
            }
            Ok(Value::Null)
        }
        .boxed()
    }
}

async fn put(platform: &Platform, id: &str, text: &str) -> Result<(), FunctionError> {
    let table = platform.environment.required("TABLE").map_err(failed)?;
    let item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(id.to_owned())),
        ("text".to_owned(), AttributeValue::S(text.to_owned())),
    ]);
    platform.sdk.dynamodb().put_item().table_name(table).set_item(Some(item)).send().await.map_err(failed)?;
    Ok(())
}

async fn get(platform: &Platform, id: &str) -> Result<Option<String>, FunctionError> {
    let table = platform.environment.required("TABLE").map_err(failed)?;
    let key = AttributeValue::S(id.to_owned());
    let found =
        platform.sdk.dynamodb().get_item().table_name(table).key("pk", key).send().await.map_err(failed)?;
    Ok(found.item.and_then(|item| item.get("text")?.as_s().ok().cloned()))
}

fn failed(error: impl std::fmt::Debug) -> FunctionError {
    FunctionError::new("Test.Failed", format!("{error:?}"))
}
