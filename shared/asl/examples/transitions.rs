//! How many state transitions one core makes in a second, in memory.
//!
//! `cargo run --release -p toss-asl --example transitions`

use std::time::Instant;
use toss_asl::{Execution, ExecutionContext, Machine, Payload, Seed, Status, Stimulus, Timestamp};

const ROUNDS: usize = 2_000;

/// 100 Pass and Choice states in a row, then the end.
fn chain() -> String {
    let mut states = Vec::new();
    for index in 0..100 {
        let next = if index == 99 { "Done".to_owned() } else { format!("S{}", index + 1) };
        states.push(if index % 4 == 3 {
            format!(
                r#""S{index}":{{"Type":"Choice","Choices":[{{"Variable":"$.n","NumericGreaterThan":1,"Next":"{next}"}}],"Default":"{next}"}}"#
            )
        } else {
            format!(r#""S{index}":{{"Type":"Pass","Next":"{next}"}}"#)
        });
    }
    states.push(r#""Done":{"Type":"Succeed"}"#.to_owned());
    format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","))
}

/// Five Lambda tasks in a row, as the common job has them.
fn tasks() -> String {
    let mut states = Vec::new();
    for index in 0..5 {
        let after =
            if index == 4 { r#""End":true"#.to_owned() } else { format!(r#""Next":"T{}""#, index + 1) };
        states.push(format!(
            r#""T{index}":{{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f",{after}}}"#
        ));
    }
    format!(r#"{{"StartAt":"T0","States":{{{}}}}}"#, states.join(","))
}

fn context() -> ExecutionContext {
    ExecutionContext {
        arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        name: "e".into(),
        role: "arn:aws:iam::000000000000:role/r".into(),
        start_time: Timestamp::from_millis(0),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        express: false,
        key: 1,
        child: None,
    }
}

fn run(definition: &str, states: usize) -> Option<f64> {
    let machine = Machine::parse(definition).ok()?;
    let input = Payload::parse(r#"{"n":3,"text":"a payload of ordinary size","list":[1,2,3]}"#).ok()?;
    let started = Instant::now();
    let mut events = 0;
    for _ in 0..ROUNDS {
        let (mut execution, mut outcome) =
            Execution::start(machine.clone(), input.clone(), context(), Seed::new([1; 32]));
        loop {
            events += outcome.events.len();
            let task = outcome.effects.iter().find_map(|effect| match effect {
                toss_asl::Effect::InvokeTask(invocation) => Some(invocation.task),
                _ => None,
            });
            let Some(task) = task else { break };
            outcome = execution
                .apply(Stimulus::TaskSucceeded { task, output: input.clone() }, Timestamp::from_millis(1));
        }
        if execution.status() != Status::Succeeded {
            return None;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{events} events");
    Some((ROUNDS * states) as f64 / seconds)
}

fn main() {
    for (name, definition, states) in [("Pass and Choice", chain(), 101), ("Task", tasks(), 5)] {
        match run(&definition, states) {
            Some(rate) => println!("{name}: {rate:.0} transitions a second"),
            None => println!("{name}: the machine did not run"),
        }
    }
}
