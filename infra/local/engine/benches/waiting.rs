//! Many executions that wait for a token: what they cost in memory, and how long a start after a kill takes.
//!
//! `WAITING=1000000 cargo bench -p toss-local-engine --bench waiting`; 100,000 unless told.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![expect(
    clippy::disallowed_methods,
    reason = "the size and the folder come to the measuring process from outside"
)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_local_engine::{
    AwsCaller, CallError, Engine, FunctionAnswer, FunctionCall, Options, ServiceCall, StatusListener,
    TaskInvoker,
};
use toss_local_protocol::{Caller, JsonService};

const CALLERS: usize = 64;

struct Quiet;

impl TaskInvoker for Quiet {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        Box::pin(async move { Ok(FunctionAnswer::Result(call.payload)) })
    }
}

impl AwsCaller for Quiet {
    fn call<'a>(&'a self, _call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async { Ok(json!({ "MessageId": "m" })) })
    }
}

impl StatusListener for Quiet {
    fn status_changed<'a>(&'a self, _event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

fn main() {
    let count: usize = std::env::var("WAITING").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Ok(folder) = std::env::var("WAITING_FOLDER") {
        runtime.block_on(fill(Path::new(&folder), count));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env("WAITING_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        println!("{line}");
        if line.starts_with("ready") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    runtime.block_on(async {
        let engine = open(folder.path());
        println!(
            "open again after kill -9: {:.2} s, {:.0} MB resident",
            begun.elapsed().as_secs_f64(),
            resident()
        );
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!("in memory: {} executions, {:.0} MB resident", engine.in_memory(), resident());
    });
}

fn open(folder: &Path) -> Engine {
    let quiet = Arc::new(Quiet);
    let options = Options::new(folder, "us-east-1", "000000000000");
    Engine::open(options, quiet.clone(), quiet.clone(), quiet).unwrap()
}

async fn fill(folder: &Path, count: usize) {
    let engine = open(folder);
    println!("idle: {:.0} MB resident", resident());
    let definition = json!({
        "StartAt": "Ask",
        "States": { "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": { "QueueUrl": "q", "MessageBody": { "token.$": "$$.Task.Token", "input.$": "$" } },
            "TimeoutSeconds": 2_592_000,
            "End": true,
        } },
    });
    let role = "arn:aws:iam::000000000000:role/bench";
    let body = json!({ "name": "waiting", "definition": definition.to_string(), "roleArn": role });
    let answer = call(&engine, "CreateStateMachine", &body).await;
    let machine = answer["stateMachineArn"].as_str().unwrap();
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let (engine, machine) = (engine.clone(), machine.to_owned());
        tokio::spawn(async move {
            for number in 0..count / CALLERS {
                let input = json!({ "invoice": { "number": number, "lines": ["a", "b"], "total": 1200 } })
                    .to_string();
                let name = format!("exe_{caller}_{number}");
                let body = json!({ "stateMachineArn": machine, "name": name, "input": input });
                call(&engine, "StartExecution", &body).await;
            }
        })
    });
    futures::future::join_all(callers).await;
    println!(
        "{count} started in {:.1} s, {:.0} MB resident, {} in memory",
        begun.elapsed().as_secs_f64(),
        resident(),
        engine.in_memory()
    );
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if engine.in_memory() == 0 {
            break;
        }
    }
    println!("ready: all rest, {:.0} MB resident, {} in memory", resident(), engine.in_memory());
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

async fn call(engine: &Engine, operation: &str, body: &Value) -> Value {
    let answer = engine.call(&Caller::Owner, operation, body.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
