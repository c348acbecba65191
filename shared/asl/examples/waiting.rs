//! How much memory an execution takes while it waits for a token.
//!
//! `cargo run --release -p toss-asl --example waiting`

use toss_asl::{Effect, Execution, ExecutionContext, Machine, Payload, Seed, Status, Stimulus, Timestamp};

const EXECUTIONS: u64 = 200_000;

const DEFINITION: &str = r#"{"StartAt":"Ask","States":{"Ask":{"Type":"Task",
    "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","HeartbeatSeconds":86400,
    "Parameters":{"FunctionName":"ask","Payload":{"order.$":"$.order","token.$":"$$.Task.Token"}},"End":true}}}"#;

/// Resident bytes of this process, on Linux.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}

fn main() {
    let Ok(machine) = Machine::parse(DEFINITION) else { return };
    let shared: [std::sync::Arc<str>; 3] =
        ["arn:aws:iam::000000000000:role/r", "arn:aws:states:us-east-1:000000000000:stateMachine:m", "m"]
            .map(Into::into);
    let before = resident();
    let mut waiting = Vec::with_capacity(EXECUTIONS as usize);
    for key in 0..EXECUTIONS {
        let Ok(input) = Payload::parse(format!("{{\"order\":{key},\"customer\":\"someone with a name\"}}"))
        else {
            return;
        };
        let context = ExecutionContext {
            arn: format!("arn:aws:states:us-east-1:000000000000:execution:m:exe_{key:026}").into(),
            name: format!("exe_{key:026}").into(),
            role: shared[0].clone(),
            start_time: Timestamp::from_millis(0),
            state_machine_arn: shared[1].clone(),
            state_machine_name: shared[2].clone(),
            express: false,
            key,
            child: None,
        };
        let (mut execution, outcome) = Execution::start(machine.clone(), input, context, Seed::new([7; 32]));
        let call = outcome.effects.iter().find_map(|effect| match effect {
            Effect::InvokeTask(invocation) => Some(invocation.task),
            _ => None,
        });
        if let (Some(task), Ok(output)) = (call, Payload::parse("{}")) {
            execution.apply(Stimulus::TaskSubmitted { task, output }, Timestamp::from_millis(1));
        }
        execution.compact();
        waiting.push(execution);
    }
    let running = waiting.iter().filter(|execution| execution.status() == Status::Running).count();
    println!("{running} executions wait, {} bytes each", (resident() - before) / EXECUTIONS);
}
