//! The same stimuli lead to the same effects and events, also over a snapshot.

#![expect(clippy::unwrap_used, reason = "a test may")]

use proptest::prelude::*;
use serde_json::json;
use toss_asl::{
    Effect, Execution, ExecutionContext, Failure, Machine, Outcome, Payload, Seed, Snapshot, Status,
    Stimulus, Timestamp,
};

fn context() -> ExecutionContext {
    ExecutionContext {
        arn: "arn:aws:states:us-east-1:000000000000:execution:orders:e-1".into(),
        name: "e-1".into(),
        role: "arn:aws:iam::000000000000:role/flow".into(),
        start_time: Timestamp::from_millis(1_700_000_000_000),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:orders".into(),
        state_machine_name: "orders".into(),
        express: false,
        key: 42,
        child: None,
    }
}

/// One machine with everything that waits: calls, tokens, timers, branches, iterations and child executions.
fn machine() -> Machine {
    let call = "arn:aws:states:::lambda:invoke";
    let retry = json!([{ "ErrorEquals": ["Broken"], "IntervalSeconds": 2, "MaxAttempts": 2, "JitterStrategy": "FULL" }]);
    let definition = json!({
        "QueryLanguage": "JSONata",
        "StartAt": "Mark",
        "TimeoutSeconds": 100_000,
        "States": {
            "Mark": { "Type": "Pass", "Assign": { "id": "{% $uuid() %}", "dice": "{% $random() %}" }, "Next": "Call" },
            "Call": {
                "Type": "Task", "Resource": call, "TimeoutSeconds": 60, "Retry": retry,
                "Arguments": { "FunctionName": "f", "Payload": "{% $states.input %}" },
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Pause", "Assign": { "e": "{% $states.errorOutput %}" } }],
                "Next": "Both"
            },
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    { "StartAt": "Ask", "States": { "Ask": {
                        "Type": "Task", "Resource": format!("{call}.waitForTaskToken"), "HeartbeatSeconds": 30,
                        "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
                        "End": true } } },
                    { "StartAt": "Rest", "States": { "Rest": { "Type": "Wait", "Seconds": 5, "End": true } } }
                ],
                "Retry": retry,
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Pause" }],
                "Next": "Each"
            },
            "Each": {
                "Type": "Map", "Items": [1, 2, 3], "MaxConcurrency": 2,
                "ItemProcessor": { "StartAt": "One", "States": { "One": {
                    "Type": "Task", "Resource": call, "Arguments": { "FunctionName": "g" }, "End": true } } },
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Pause" }],
                "Next": "Many"
            },
            "Many": {
                "Type": "Map", "Items": [1, 2, 3, 4], "MaxConcurrency": 3, "ToleratedFailureCount": 1,
                "ItemProcessor": {
                    "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
                    "StartAt": "Child", "States": { "Child": { "Type": "Pass", "End": true } } },
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Pause" }],
                "Next": "Pause"
            },
            "Pause": { "Type": "Wait", "Seconds": 1, "Next": "Done" },
            "Done": { "Type": "Succeed", "Output": { "id": "{% $id %}", "dice": "{% $dice %}" } }
        }
    });
    Machine::parse(&definition.to_string()).unwrap()
}

/// What an effect may be answered with.
fn answers(effect: &Effect, choice: u8) -> Option<Stimulus> {
    let output = Payload::parse(format!("{{\"n\": {choice}}}")).unwrap();
    match effect {
        Effect::InvokeTask(invocation) => {
            let task = invocation.task;
            Some(match choice % 5 {
                0 => Stimulus::TaskFailed { task, failure: Failure::new("Broken", "by chance") },
                1 if invocation.token.is_some() => Stimulus::TaskSubmitted { task, output },
                2 if invocation.token.is_some() => Stimulus::Heartbeat { task },
                _ => Stimulus::TaskSucceeded { task, output },
            })
        }
        Effect::SetTimer { timer, .. } => Some(Stimulus::TimerFired { timer: *timer }),
        Effect::StartChild(child) => Some(match choice % 4 {
            0 => Stimulus::ChildFailed {
                run: child.run,
                child: child.child,
                failure: Failure::named("Broken"),
            },
            _ => Stimulus::ChildSucceeded { run: child.run, child: child.child, output },
        }),
        Effect::Continue => Some(Stimulus::Continue),
        _ => None,
    }
}

/// Runs with the answers that the choices pick; tells the stimuli and what each led to.
fn play(choices: &[(u8, u8)]) -> (Vec<(Stimulus, Timestamp)>, Vec<Outcome>, Execution) {
    let (mut execution, first) =
        Execution::start(machine(), Payload::parse("{\"order\": 7}").unwrap(), context(), Seed::new([9; 32]));
    let mut outcomes = vec![first];
    let mut script = Vec::new();
    let mut now = context().start_time;
    for (pick, choice) in choices {
        let open = execution.open_effects();
        let answerable: Vec<&Effect> =
            open.iter().filter(|effect| answers(effect, *choice).is_some()).collect();
        let Some(effect) = answerable.get(usize::from(*pick) % answerable.len().max(1)) else { break };
        let Some(stimulus) = answers(effect, *choice) else { break };
        now = now.plus_millis(i64::from(*choice) * 10);
        outcomes.push(execution.apply(stimulus.clone(), now));
        script.push((stimulus, now));
    }
    (script, outcomes, execution)
}

fn choices() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((any::<u8>(), any::<u8>()), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_replay_gives_the_same_effects_and_events(choices in choices()) {
        let (script, outcomes, _) = play(&choices);
        let (mut again, first) =
            Execution::start(machine(), Payload::parse("{\"order\": 7}").unwrap(), context(), Seed::new([9; 32]));
        let mut replayed = vec![first];
        replayed.extend(script.into_iter().map(|(stimulus, now)| again.apply(stimulus, now)));
        prop_assert_eq!(outcomes, replayed);
    }

    #[test]
    fn a_snapshot_goes_on_as_the_original_does(choices in choices(), cut in 0_usize..80) {
        let (script, outcomes, _) = play(&choices);
        let cut = cut.min(script.len());
        let (mut restored, _, _) = {
            let (_, before, mut execution) = play(&choices[..cut]);
            execution.compact();
            let stored = serde_json::to_string(execution.snapshot()).unwrap();
            let snapshot: Snapshot = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(Execution::restore(machine(), snapshot.clone()).open_effects(), execution.open_effects());
            (Execution::restore(machine(), snapshot), before, stored)
        };
        for ((stimulus, now), expected) in script.into_iter().zip(&outcomes[1..]).skip(cut) {
            prop_assert_eq!(&restored.apply(stimulus, now), expected);
        }
    }

    #[test]
    fn a_history_is_numbered_without_gaps_and_points_backwards(choices in choices()) {
        let (_, outcomes, execution) = play(&choices);
        let events: Vec<_> = outcomes.into_iter().flat_map(|outcome| outcome.events).collect();
        for (index, event) in events.iter().enumerate() {
            prop_assert_eq!(event.id, index as u64 + 1);
            prop_assert!(event.previous < event.id);
        }
        prop_assert_eq!(events.len() as u64, execution.event_count());
    }

    #[test]
    fn whatever_happens_the_end_is_told_once_and_last(choices in choices()) {
        let (_, outcomes, execution) = play(&choices);
        let effects: Vec<Effect> = outcomes.into_iter().flat_map(|outcome| outcome.effects).collect();
        let ends = effects.iter().filter(|effect| matches!(effect, Effect::Complete(_))).count();
        prop_assert_eq!(ends, usize::from(execution.status() != Status::Running));
        if ends == 1 {
            prop_assert!(matches!(effects.last(), Some(Effect::Complete(_))));
            prop_assert!(execution.open_effects().is_empty());
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = Machine::parse(&text);
        let wrapped = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "InputPath": text, "End": true } } });
        let _ = Machine::parse(&wrapped.to_string());
        let wrapped = json!({ "StartAt": "A", "States": { "A": {
            "Type": "Pass", "Parameters": { "a.$": text, "b.$": format!("States.Format({text})") }, "End": true } } });
        let _ = Machine::parse(&wrapped.to_string());
    }
}
