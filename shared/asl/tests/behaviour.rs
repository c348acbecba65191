//! Timing and control flow where the details matter: retries, heartbeats, tokens, branches, redrives.

#![expect(clippy::unwrap_used, reason = "a test may")]

use serde_json::{Value as Json, json};
use toss_asl::{
    Effect, Execution, ExecutionContext, Failure, Machine, Outcome, Payload, Seed, Status, Stimulus, TaskId,
    TimerId, Timestamp,
};

const START: i64 = 1_700_000_000_000;

fn start(definition: &Json) -> (Execution, Outcome) {
    let context = ExecutionContext {
        arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        name: "e".into(),
        role: "arn:aws:iam::000000000000:role/r".into(),
        start_time: at(0),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        express: false,
        key: 5,
        child: None,
    };
    let machine = Machine::parse(&definition.to_string()).unwrap();
    Execution::start(machine, Payload::parse("{}").unwrap(), context, Seed::new([3; 32]))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

fn call(outcome: &Outcome) -> TaskId {
    outcome
        .effects
        .iter()
        .find_map(|effect| match effect {
            Effect::InvokeTask(invocation) => Some(invocation.task),
            _ => None,
        })
        .unwrap()
}

fn timer(outcome: &Outcome) -> (TimerId, i64) {
    outcome
        .effects
        .iter()
        .rev()
        .find_map(|effect| match effect {
            Effect::SetTimer { timer, at } => Some((*timer, at.as_millis() - START)),
            _ => None,
        })
        .unwrap()
}

fn types(outcome: &Outcome) -> Vec<String> {
    outcome.events.iter().map(|event| event.event.type_name()).collect()
}

fn broken(task: TaskId) -> Stimulus {
    Stimulus::TaskFailed { task, failure: Failure::new("Broken", "it broke") }
}

fn done(task: TaskId) -> Stimulus {
    Stimulus::TaskSucceeded { task, output: Payload::parse("1").unwrap() }
}

fn task(more: &Json) -> Json {
    let mut state = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "f" }, "End": true });
    for (name, value) in more.as_object().unwrap() {
        state[name] = value.clone();
    }
    state
}

fn machine(state: &Json) -> Json {
    json!({ "StartAt": "A", "States": { "A": state } })
}

#[test]
fn retries_wait_longer_each_time_up_to_the_limit() {
    let retry = json!({ "Retry": [{ "ErrorEquals": ["Broken"], "IntervalSeconds": 3, "BackoffRate": 2,
        "MaxDelaySeconds": 10, "MaxAttempts": 4 }] });
    let (mut execution, mut outcome) = start(&machine(&task(&retry)));
    let mut delays = Vec::new();
    let mut now = 0;
    for _ in 0..4 {
        let failed = execution.apply(broken(call(&outcome)), at(now));
        let (timer, due) = timer(&failed);
        delays.push(due / 1000 - now);
        now = due / 1000;
        outcome = execution.apply(Stimulus::TimerFired { timer }, at(now));
    }
    assert_eq!(delays, [3, 6, 10, 10]);
    let failed = execution.apply(broken(call(&outcome)), at(now));
    assert_eq!(types(&failed), ["TaskFailed", "ExecutionFailed"]);
}

#[test]
fn full_jitter_stays_between_nothing_and_the_delay() {
    let retry = json!({ "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 8, "MaxAttempts": 3,
        "BackoffRate": 1, "JitterStrategy": "FULL" }] });
    let (mut execution, mut outcome) = start(&machine(&task(&retry)));
    let mut delays = Vec::new();
    for _ in 0..3 {
        let failed = execution.apply(broken(call(&outcome)), at(0));
        let (timer, due) = timer(&failed);
        assert!((0..=8000).contains(&due));
        delays.push(due);
        outcome = execution.apply(Stimulus::TimerFired { timer }, at(0));
    }
    assert!(delays.windows(2).any(|pair| pair[0] != pair[1]), "{delays:?}");
}

#[test]
fn a_heartbeat_moves_the_deadline_and_silence_times_out() {
    let state =
        task(&json!({ "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "HeartbeatSeconds": 20,
        "Catch": [{ "ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B" }] }));
    let definition = json!({ "StartAt": "A", "States": { "A": state, "B": { "Type": "Succeed" } } });
    let (mut execution, outcome) = start(&definition);
    let id = call(&outcome);
    let (deadline, due) = timer(&outcome);
    assert_eq!(due, 20_000);
    let beaten = execution.apply(Stimulus::Heartbeat { task: id }, at(15));
    assert_eq!(timer(&beaten), (deadline, 35_000));
    let ended = execution.apply(Stimulus::TimerFired { timer: deadline }, at(35));
    assert_eq!(types(&ended)[0], "TaskTimedOut");
    assert_eq!(execution.status(), Status::Succeeded);
    assert!(!execution.apply(done(id), at(36)).accepted);
}

#[test]
fn only_the_token_of_a_waiting_task_is_held() {
    let state = task(&json!({ "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": { "QueueUrl": "q", "MessageBody": { "token.$": "$$.Task.Token" } } }));
    let (mut execution, outcome) = start(&machine(&state));
    let Some(Effect::InvokeTask(invocation)) = outcome.effects.first() else { panic!("a call comes first") };
    let token = invocation.token.clone().unwrap();
    assert_eq!(invocation.parameters.to_json()["MessageBody"]["token"], json!(&*token));
    assert_eq!(toss_asl::token::route(&token), Some((5, invocation.task)));
    assert_eq!(execution.holds_token(&token), Some(invocation.task));
    assert_eq!(execution.holds_token("AQAA"), None);
    let submitted = Stimulus::TaskSubmitted { task: invocation.task, output: Payload::parse("{}").unwrap() };
    assert_eq!(types(&execution.apply(submitted, at(1))), ["TaskSubmitted"]);
    execution.apply(done(invocation.task), at(2));
    assert_eq!(execution.holds_token(&token), None);
    assert_eq!(execution.status(), Status::Succeeded);
}

#[test]
fn a_failed_branch_gives_up_the_others() {
    let branch = |name: &str| json!({ "StartAt": name, "States": { name: task(&json!({})) } });
    let definition =
        machine(&json!({ "Type": "Parallel", "Branches": [branch("X"), branch("Y")], "End": true }));
    let (mut execution, outcome) = start(&definition);
    let first = call(&outcome);
    let ended = execution.apply(broken(first), at(1));
    assert!(
        ended.effects.iter().any(|effect| matches!(effect, Effect::CancelTask { task } if *task != first))
    );
    assert_eq!(execution.status(), Status::Failed);
    assert_eq!(types(&ended).last().map(String::as_str), Some("ExecutionFailed"));
}

#[test]
fn a_redrive_runs_only_what_did_not_succeed() {
    let branch = |name: &str| json!({ "StartAt": name, "States": { name: task(&json!({})) } });
    let definition =
        machine(&json!({ "Type": "Parallel", "Branches": [branch("X"), branch("Y")], "End": true }));
    let (mut execution, outcome) = start(&definition);
    let tasks: Vec<TaskId> = outcome
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::InvokeTask(invocation) => Some(invocation.task),
            _ => None,
        })
        .collect();
    execution.apply(done(tasks[0]), at(1));
    execution.apply(broken(tasks[1]), at(2));
    assert_eq!(execution.status(), Status::Failed);
    let redriven = execution.apply(Stimulus::Redrive, at(3));
    assert!(redriven.accepted);
    assert_eq!(types(&redriven), ["ExecutionRedriven", "TaskScheduled", "TaskStarted"]);
    let ended = execution.apply(done(call(&redriven)), at(4));
    assert_eq!(execution.status(), Status::Succeeded);
    assert_eq!(types(&ended).last().map(String::as_str), Some("ExecutionSucceeded"));
    assert_eq!(execution.redrive_count(), 1);
    assert!(!execution.apply(Stimulus::Redrive, at(5)).accepted);
}

#[test]
fn the_time_limit_of_the_machine_ends_it() {
    let mut definition = machine(&task(&json!({})));
    definition["TimeoutSeconds"] = json!(30);
    let (mut execution, outcome) = start(&definition);
    let Some(Effect::SetTimer { timer, at: due }) = outcome.effects.first() else {
        panic!("the limit comes first")
    };
    assert_eq!(*due, at(30));
    let ended = execution.apply(Stimulus::TimerFired { timer: *timer }, at(31));
    assert_eq!(types(&ended), ["ExecutionTimedOut"]);
    assert_eq!(execution.status(), Status::TimedOut);
}

#[test]
fn an_endless_loop_gives_others_a_turn_and_ends_at_the_limit_of_events() {
    let definition = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Next": "B" },
        "B": { "Type": "Choice", "Choices": [{ "Variable": "$.never", "IsPresent": true, "Next": "C" }], "Default": "A" },
        "C": { "Type": "Succeed" } } });
    let (execution, outcome) = start(&definition);
    assert_eq!(execution.status(), Status::Failed);
    assert_eq!(outcome.events.len(), 25_000);
    assert_eq!(execution.event_count(), 25_000);
}

#[test]
fn iterations_keep_to_the_limit_and_results_to_the_order_of_the_items() {
    let each = json!({ "StartAt": "One", "States": { "One": task(&json!({ "ResultPath": null })) } });
    let definition = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Result": [10, 20, 30], "Next": "M" },
        "M": { "Type": "Map", "MaxConcurrency": 2, "ItemProcessor": each, "End": true } } });
    let (mut execution, outcome) = start(&definition);
    let calls: Vec<TaskId> = outcome
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::InvokeTask(invocation) => Some(invocation.task),
            _ => None,
        })
        .collect();
    assert_eq!(calls.len(), 2);
    let third = execution.apply(done(calls[1]), at(1));
    execution.apply(done(call(&third)), at(2));
    execution.apply(done(calls[0]), at(3));
    let output = execution.completion().and_then(|completion| completion.output.clone()).unwrap();
    assert_eq!(output.text(), "[10,20,30]");
}

#[test]
fn a_result_that_is_too_large_can_be_caught() {
    let state = task(&json!({ "Catch": [{ "ErrorEquals": ["States.DataLimitExceeded"], "Next": "B" }] }));
    let definition = json!({ "StartAt": "A", "States": { "A": state, "B": { "Type": "Succeed" } } });
    let (mut execution, outcome) = start(&definition);
    let output = Payload::from(json!("x".repeat(262_144)));
    let ended = execution.apply(Stimulus::TaskSucceeded { task: call(&outcome), output }, at(1));
    assert_eq!(types(&ended)[..2], ["TaskFailed", "TaskStateExited"]);
    assert_eq!(execution.status(), Status::Succeeded);
}

#[test]
fn a_failed_iteration_gives_up_the_others_and_nested_failures_are_told_once() {
    let branch = json!({ "StartAt": "X", "States": { "X": task(&json!({})) } });
    let nested = json!({ "StartAt": "P", "States": {
        "P": { "Type": "Parallel", "Branches": [branch], "End": true } } });
    let definition = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Result": [1, 2], "Next": "M" },
        "M": { "Type": "Map", "ItemProcessor": nested, "End": true } } });
    let (mut execution, outcome) = start(&definition);
    let ended = execution.apply(broken(call(&outcome)), at(1));
    let names = types(&ended);
    assert_eq!(names.iter().filter(|name| *name == "ParallelStateFailed").count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "ParallelStateAborted").count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "MapIterationFailed").count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "MapIterationAborted").count(), 1, "{names:?}");
    let redriven = execution.apply(Stimulus::Redrive, at(2));
    let calls = redriven.effects.iter().filter(|effect| matches!(effect, Effect::InvokeTask(_))).count();
    assert_eq!(calls, 2);
}
