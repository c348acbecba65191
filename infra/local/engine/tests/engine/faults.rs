//! Random machines, killed at random moments, their journals' ends torn: compared with runs that nobody killed.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{Home, call, create, ended, history, open, start, task};

const FOLDER: &str = "TOSS_ENGINE_TEST_FOLDER";
const MACHINES: usize = 6;

/// A state of a random machine.
#[derive(Debug, Clone)]
enum Piece {
    Task,
    Failing,
    Pass,
    Wait,
    Choice,
    Parallel(Vec<Vec<Piece>>),
    Map(Vec<Piece>),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let leaf = prop_oneof![
        4 => Just(Piece::Task),
        1 => Just(Piece::Failing),
        1 => Just(Piece::Pass),
        1 => Just(Piece::Wait),
        1 => Just(Piece::Choice),
    ];
    let piece = leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(prop::collection::vec(inner.clone(), 1..3), 1..3).prop_map(Piece::Parallel),
            prop::collection::vec(inner, 1..3).prop_map(Piece::Map),
        ]
    });
    prop::collection::vec(piece, 1..6)
}

fn definition(pieces: &[Piece], prefix: &str) -> Value {
    let name = |index: usize| format!("{prefix}{index}");
    let mut states = serde_json::Map::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut state = match piece {
            Piece::Task => task("echo", None),
            Piece::Failing => {
                let mut state = task("broken", None);
                state["Retry"] =
                    json!([{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1 }]);
                state["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": format!("{}c", name(index)) }]);
                state
            }
            Piece::Pass => json!({ "Type": "Pass" }),
            Piece::Wait => json!({ "Type": "Wait", "Seconds": 1 }),
            Piece::Choice => json!({ "Type": "Choice", "Choices": [
                { "Variable": "$.n", "NumericGreaterThan": 2, "Next": format!("{}c", name(index)) },
            ], "Default": format!("{}c", name(index)) }),
            Piece::Parallel(branches) => {
                let branches: Vec<Value> = branches
                    .iter()
                    .enumerate()
                    .map(|(branch, pieces)| definition(pieces, &format!("{}b{branch}x", name(index))))
                    .collect();
                json!({ "Type": "Parallel", "Branches": branches, "ResultPath": "$.parallel" })
            }
            Piece::Map(pieces) => json!({
                "Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.map",
                "ItemSelector": { "n.$": "$$.Map.Item.Value", "items": [1, 2] },
                "ItemProcessor": definition(pieces, &format!("{}m", name(index))),
            }),
        };
        let after = match pieces.get(index + 1) {
            Some(_) => json!({ "Next": name(index + 1) }),
            None => json!({ "End": true }),
        };
        if matches!(piece, Piece::Failing | Piece::Choice) {
            let mut pass = after.clone();
            pass["Type"] = json!("Pass");
            states.insert(format!("{}c", name(index)), pass);
        }
        if let Some(members) = state.as_object_mut() {
            members.remove("End");
        }
        if !matches!(piece, Piece::Choice) {
            for (member, value) in after.as_object().unwrap() {
                state[member] = value.clone();
            }
        }
        states.insert(name(index), state);
    }
    json!({ "StartAt": name(0), "States": states })
}

/// The same machines in every process.
fn machines() -> Vec<Value> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..MACHINES).map(|_| definition(&pieces().new_tree(&mut runner).unwrap().current(), "s")).collect()
}

fn input(number: usize) -> Value {
    json!({ "n": number % 5, "items": [1, 2, 3] })
}

/// Output, error and the types of all events. Branches run side by side: their events have no fixed order.
type Outcome = (Value, Value, Vec<String>);

async fn outcome(engine: &toss_local_engine::Engine, execution: &str) -> Outcome {
    let found = ended(engine, execution).await;
    let mut types = history(engine, execution).await;
    types.sort();
    let output = found["output"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    (without_causes(output), found["error"].clone(), types)
}

fn without_causes(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.remove("Cause");
            members.values_mut().for_each(|member| *member = without_causes(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_causes(item.take())),
        _ => {}
    }
    value
}

async fn undisturbed() -> BTreeMap<(usize, usize), Outcome> {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let mut started = Vec::new();
    for (index, definition) in machines().iter().enumerate() {
        let machine = create(&engine, &format!("m{index}"), definition).await;
        for number in 0..5 {
            started.push((
                (index, number),
                start(&engine, &machine, &format!("x{number}"), &input(number)).await,
            ));
        }
    }
    let mut outcomes = BTreeMap::new();
    for (which, execution) in started {
        outcomes.insert(which, outcome(&engine, &execution).await);
    }
    outcomes
}

/// What the child process does until it is killed: it starts executions and writes down which it was promised.
#[test]
#[ignore = "run by the test that kills it"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let home = Arc::new(Home::default());
        let engine = open(&folder.join("engine"), &home);
        let mut promised =
            OpenOptions::new().create(true).append(true).open(folder.join("promised")).unwrap();
        let mut arns = Vec::new();
        for (index, definition) in machines().iter().enumerate() {
            arns.push(create(&engine, &format!("m{index}"), definition).await);
        }
        let first = fs::read_to_string(folder.join("promised")).unwrap().lines().count();
        for number in first.. {
            let index = number % MACHINES;
            let execution = start(&engine, &arns[index], &format!("x{number}"), &input(number)).await;
            writeln!(promised, "{index} {number} {execution}").unwrap();
            if number % 50 == 49 {
                engine.compact().await;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
}

fn newest_segment(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder.join("engine/journal")).ok()?;
    let mut segments: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    segments.sort();
    segments.pop()
}

/// Writes garbage where the next record would have been written.
fn tear(folder: &Path, garbage: &[u8]) {
    let Some(segment) = newest_segment(folder) else { return };
    let bytes = fs::read(&segment).unwrap();
    // The last record may end in zeroes, which then are taken for the blank after it: eight more are safe only
    // if the frame before is whole, so the frames are walked.
    let mut end = 32;
    while let Some(header) = bytes.get(end..end + 8) {
        let length = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        if length == 0 || end + 7 + length > bytes.len() {
            break;
        }
        end += 7 + length;
    }
    let mut file = OpenOptions::new().write(true).open(&segment).unwrap();
    file.seek(SeekFrom::Start(end as u64)).unwrap();
    file.write_all(garbage).unwrap();
}

#[test]
fn killed_at_any_moment_every_promised_execution_ends_as_if_nobody_had() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::deterministic();
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults::child", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pause = (150..700_u64).new_tree(&mut runner).unwrap().current();
        std::thread::sleep(Duration::from_millis(pause));
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself in round {round}");
        child.kill().unwrap();
        child.wait().unwrap();
        let garbage = prop::collection::vec(any::<u8>(), 0..300).new_tree(&mut runner).unwrap().current();
        if round % 2 == 0 {
            tear(folder.path(), &garbage);
        }
    }
    let promised = fs::read_to_string(folder.path().join("promised")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let expected = undisturbed().await;
        let home = Arc::new(Home::default());
        let engine = open(&folder.path().join("engine"), &home);
        let mut count = 0;
        for line in promised.lines() {
            let mut words = line.split(' ');
            let index: usize = words.next().unwrap().parse().unwrap();
            let number: usize = words.next().unwrap().parse().unwrap();
            let found = outcome(&engine, words.next().unwrap()).await;
            assert_eq!(found, expected[&(index, number % 5)], "machine {index}, execution {number}");
            count += 1;
        }
        assert!(count > 50, "only {count} executions were started");
        let listed = call(&engine, "ListStateMachines", json!({})).await.unwrap();
        assert_eq!(listed["stateMachines"].as_array().unwrap().len(), MACHINES);
    });
}
