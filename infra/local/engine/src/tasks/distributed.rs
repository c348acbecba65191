//! Distributed Maps: reading items, child executions, writing results.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::{
    ChildStart, Failure, MapRunId, Payload, ReadItems, Status, Stimulus, WriteResults, read_items,
};

use crate::{
    core::Core,
    executions::Slot,
    home::ServiceCall,
    record::Origin,
    run::{Launch, Launched},
};

use super::{failures::refused, nested};

/// Starts a child of a distributed Map. A restart starts it again by the same name and finds it.
pub(crate) fn start_child(core: &Arc<Core>, slot: &Arc<Slot>, start: &ChildStart) {
    let profile = &slot.profile;
    let (label, map_run) = {
        let mut state = slot.lock();
        let Some(run) = state.map_run(start.run.0) else { return };
        run.begun += 1;
        (Arc::clone(&run.label), Arc::clone(&run.arn))
    };
    let Some(revision) = core.catalogue().revisions.get(&profile.revision).cloned() else { return };
    let root = profile.machine.split('/').next().unwrap_or(&profile.machine);
    let launch = Launch {
        machine: format!("{root}/{label}").into(),
        revision,
        version: None,
        alias: None,
        express: start.express,
        name: Arc::clone(&start.name),
        input: start.input.clone(),
        trace: None,
        fresh_name: false,
        origin: Origin::Map {
            parent: profile.key,
            run: start.run.0,
            child: start.child,
            processor: start.processor,
            map_run,
        },
        // The parent starts an Express child again if it was lost.
        durable: !start.express,
    };
    match core.launch(launch) {
        Ok(Launched::New(step)) => {
            core.nested.add_child(profile.key, start.run.0, start.child, step.slot.profile.key);
            core.carry_on(step);
        }
        Ok(Launched::Existing(key)) => match core.slot(key) {
            Ok(Some(child)) if child.lock().standing.status != Status::Running => {
                nested::tell_parent(core, &child);
            }
            _ => core.nested.add_child(profile.key, start.run.0, start.child, key),
        },
        Err(error) => tracing::error!(%error, parent = profile.key, "a child execution could not be started"),
    }
}

/// Stops a child that is not needed any more.
pub(crate) fn stop_child(core: &Arc<Core>, slot: &Slot, run: MapRunId, child: u32) {
    if let Some(key) = core.nested.take_child(slot.profile.key, run.0, child) {
        if let Some(run) = slot.lock().map_run(run.0) {
            run.aborted += 1;
        }
        nested::stop(core, key);
    }
}

/// Reads the items of a distributed Map from the object store.
pub(super) async fn read(core: &Core, slot: &Slot, read: &ReadItems) -> Stimulus {
    let task = read.task;
    match try_read(core, slot, read).await {
        Ok(items) => Stimulus::ItemsRead { task, items },
        Err(failure) => Stimulus::TaskFailed { task, failure },
    }
}

async fn try_read(core: &Core, slot: &Slot, read: &ReadItems) -> Result<Payload, Failure> {
    let role = core.role_of(&slot.profile);
    let parameters = read.parameters.to_json();
    if read.resource.action() != "listObjectsV2" {
        let body = object(core, &role, parameters).await?;
        return read_items(&read.config, &body);
    }
    let listed = Value::Array(list_objects(core, &role, parameters).await?).to_string();
    // What is listed is read as if an object held it, so that its limit is the same.
    let mut config = json!({ "InputType": "JSON" });
    if let Some(limit) = read.config.to_json().get("MaxItems") {
        config["MaxItems"] = limit.clone();
    }
    read_items(&config.into(), &listed)
}

async fn list_objects(core: &Core, role: &str, mut input: Value) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    loop {
        let call = ServiceCall { service: "s3", operation: "ListObjectsV2", input: input.clone(), role };
        let output = core.caller.call(call).await.map_err(|error| reader_failed(&error))?;
        items.extend(output.get("Contents").and_then(Value::as_array).cloned().unwrap_or_default());
        match output.get("NextContinuationToken") {
            Some(token) => input["ContinuationToken"] = token.clone(),
            None => return Ok(items),
        }
    }
}

async fn object(core: &Core, role: &str, input: Value) -> Result<String, Failure> {
    let call = ServiceCall { service: "s3", operation: "GetObject", input, role };
    let output = core.caller.call(call).await.map_err(|error| reader_failed(&error))?;
    Ok(output.get("Body").and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn reader_failed(error: &crate::home::CallError) -> Failure {
    Failure { error: Some("States.ItemReaderFailed".into()), ..refused("s3", error) }
}

/// Writes the results of a distributed Map to the object store.
pub(super) async fn write_results(core: &Core, slot: &Slot, write: &WriteResults) -> Stimulus {
    let task = write.task;
    match try_write(core, slot, write).await {
        Ok(output) => Stimulus::TaskSucceeded { task, output: Payload::from_value(output.into()) },
        Err(failure) => Stimulus::TaskFailed { task, failure },
    }
}

async fn try_write(core: &Core, slot: &Slot, write: &WriteResults) -> Result<Value, Failure> {
    let (arn, name) = {
        let mut state = slot.lock();
        let run = state.map_run(write.run.0);
        let arn = run.map_or_else(String::new, |run| run.arn.to_string());
        let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
        (arn, name)
    };
    let role = core.role_of(&slot.profile);
    let parameters = write.parameters.to_json();
    let bucket = parameters.get("Bucket").and_then(Value::as_str).unwrap_or_default();
    let prefix = parameters.get("Prefix").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
    let folder = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
    let put = async |key: String, body: String| {
        let input = json!({ "Bucket": bucket, "Key": key, "Body": body, "ContentType": "application/json" });
        let call = ServiceCall { service: "s3", operation: "PutObject", input, role: &role };
        let failed =
            |error| Failure { error: Some("States.ResultWriterFailed".into()), ..refused("s3", &error) };
        core.caller.call(call).await.map_err(failed)
    };
    let results: Vec<Value> = write.results.iter().map(result_line).collect();
    let (succeeded, failed): (Vec<Value>, Vec<Value>) =
        results.into_iter().partition(|result| result["Status"] == "SUCCEEDED");
    let mut files = json!({ "FAILED": [], "PENDING": [], "SUCCEEDED": [] });
    for (status, results) in [("SUCCEEDED", succeeded), ("FAILED", failed)] {
        if results.is_empty() {
            continue;
        }
        let key = format!("{folder}/{status}_0.json");
        let body = Value::Array(results).to_string();
        files[status] = json!([{ "Key": key, "Size": body.len() }]);
        put(key, body).await?;
    }
    let key = format!("{folder}/manifest.json");
    let manifest = json!({ "DestinationBucket": bucket, "MapRunArn": arn, "ResultFiles": files });
    put(key.clone(), manifest.to_string()).await?;
    Ok(json!({ "MapRunArn": arn, "ResultWriterDetails": { "Bucket": bucket, "Key": key } }))
}

fn result_line(result: &Result<Payload, Failure>) -> Value {
    match result {
        Ok(output) => json!({ "Output": output.text(), "Status": "SUCCEEDED" }),
        Err(failure) => json!({ "Error": failure.error, "Cause": failure.cause, "Status": "FAILED" }),
    }
}
