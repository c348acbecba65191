//! The common job: start a workflow of five trivial steps and get its result, each acknowledged step on disk.
//!
//! Beside it stands its floor on this disk, measured in the same run: a bare journal doing the six flushed
//! appends that such an execution cannot avoid. `cargo bench -p toss-local-engine`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use toss_local_engine::{
    AwsCaller, CallError, Engine, FunctionAnswer, FunctionCall, Options, ServiceCall, StatusListener,
    TaskInvoker,
};
use toss_local_journal::Journal;
use toss_local_protocol::{Caller, JsonService};

const STEPS: usize = 5;
const RUN: Duration = Duration::from_secs(5);

/// Answers each call with its own payload, at once.
struct Echo;

impl TaskInvoker for Echo {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        Box::pin(async move { Ok(FunctionAnswer::Result(call.payload)) })
    }
}

impl AwsCaller for Echo {
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { Ok(call.input) })
    }
}

impl StatusListener for Echo {
    fn status_changed<'a>(&'a self, _event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("callers     what     a second   p50 ms   p99 ms   CPU ms each   of floor   resident MB");
    for callers in [1, 16, 64] {
        let floor = runtime.block_on(floor(callers));
        print(callers, "floor", &floor, &floor);
        let engine = runtime.block_on(job(callers));
        print(callers, "engine", &engine, &floor);
    }
}

fn print(callers: usize, what: &str, measured: &Measured, floor: &Measured) {
    println!(
        "{callers:7} {what:>8} {:12.0} {:8.2} {:8.2} {:13.3} {:9.0}% {:13.0}",
        measured.per_second,
        measured.p50,
        measured.p99,
        measured.cpu,
        100.0 * measured.per_second / floor.per_second,
        resident(),
    );
}

/// Six flushed appends, one after the other, of the size that an execution's records have.
async fn floor(callers: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), toss_local_journal::Options::default()).unwrap();
    let journal = Arc::new(journal);
    measure(callers, || {
        let journal = Arc::clone(&journal);
        async move {
            for _ in 0..=STEPS {
                journal.append(&[7; 300]).await.unwrap();
            }
        }
    })
    .await
}

async fn job(callers: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path(), "us-east-1", "000000000000");
    let echo = Arc::new(Echo);
    let engine = Engine::open(options, echo.clone(), echo.clone(), echo).unwrap();
    let machine = create(&engine).await;
    let measured = measure(callers, || {
        let (engine, machine) = (engine.clone(), machine.clone());
        async move {
            let body = json!({ "stateMachineArn": machine, "input": "{\"order\":{\"id\":7,\"total\":120}}" });
            let started =
                engine.call(&Caller::Owner, "StartExecution", body.to_string().into()).await.unwrap();
            let started: Value = serde_json::from_slice(&started).unwrap();
            let execution = started["executionArn"].as_str().unwrap();
            engine.ended(execution).await.unwrap();
            let body = json!({ "executionArn": execution }).to_string();
            let found = engine.call(&Caller::Owner, "DescribeExecution", body.into()).await.unwrap();
            assert!(std::str::from_utf8(&found).unwrap().contains("SUCCEEDED"));
        }
    })
    .await;
    engine.drain().await;
    measured
}

async fn create(engine: &Engine) -> String {
    let mut states = serde_json::Map::new();
    for step in 0..STEPS {
        let mut state = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": "echo", "Payload": "{% $states.input %}" },
            "Output": "{% $states.result.Payload %}",
            "TimeoutSeconds": 60,
        });
        if step + 1 < STEPS {
            state["Next"] = json!(format!("step{}", step + 1));
        } else {
            state["End"] = json!(true);
        }
        states.insert(format!("step{step}"), state);
    }
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "step0", "States": states });
    let body = json!({
        "name": "common", "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/bench",
    });
    let answer = engine.call(&Caller::Owner, "CreateStateMachine", body.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["stateMachineArn"].as_str().unwrap().to_owned()
}

/// Runs the job again and again from so many callers.
async fn measure<Job: Future<Output = ()> + Send + 'static>(
    callers: usize,
    job: impl Fn() -> Job + Send + Sync,
) -> Measured {
    let cpu = cpu_seconds();
    let begun = Instant::now();
    let loops = (0..callers).map(|_| async {
        let mut times = Vec::new();
        while begun.elapsed() < RUN {
            let begun = Instant::now();
            tokio::spawn(job()).await.unwrap();
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        times
    });
    let mut times: Vec<f64> = futures::future::join_all(loops).await.into_iter().flatten().collect();
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    times.sort_by(f64::total_cmp);
    let count = times.len() as f64;
    Measured {
        per_second: count / elapsed,
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        cpu: cpu * 1000.0 / count,
    }
}

/// The processor time of this process, from the kernel's books in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
