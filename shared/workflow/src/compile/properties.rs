//! What holds for every definition.

use proptest::prelude::*;
use toss_asl::Machine;

use super::{tests::target, *};
use crate::read::{Format, parse};

/// Definitions that are mostly right, to reach the compiler and not only the checks.
fn definitions() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "no such", "sum"]);
    let expression = prop::sample::select(vec![
        "{% $input.x %}",
        "{% $a.event_id %}",
        "x {% $b %} y",
        "{% $item %}",
        "{% $caught.cause %}",
        "{% $ %}",
        "{% (%}",
        "text",
    ]);
    let leaf = (name.clone(), expression.clone(), any::<u8>()).prop_map(|(next, text, kind)| match kind % 8 {
        0 => json!({ "activity": "Delay", "for": "5m", "next": next }),
        1 => json!({ "activity": "Conditional", "cases": [{ "when": text, "next": next }] }),
        2 => json!({ "fail": { "error": "No", "cause": text } }),
        3 => json!({ "activity": "AuditLog", "with": { "action": text, "target": "t" }, "catch": [{ "next": next }] }),
        4 => json!({ "activity": "HttpRequest", "with": { "method": "POST", "url": text },
            "compensate": { "activity": "AuditLog", "with": { "action": "undo", "target": text } } }),
        5 => json!({ "activity": "UserApproval", "with": { "title": text, "assignees": ["x"] }, "next": next }),
        6 => json!({ "activity": "AuditLog", "with": { "action": text, "target": "t" }, "end": true, "output": text }),
        _ => json!({ "activity": next, "with": { "x": 1 }, "retry": { "on": [next], "max": 2 } }),
    });
    let step = leaf.prop_recursive(3, 24, 4, move |inner| {
        let inner = prop::collection::btree_map("[a-z]{2,3}", inner, 1..4);
        (inner, expression.clone(), any::<u8>()).prop_map(|(steps, text, kind)| match kind % 3 {
            0 => json!({ "activity": "Loop", "items": text, "steps": steps }),
            1 => json!({ "activity": "Loop", "while": text, "steps": steps, "max": 3 }),
            _ => json!({ "activity": "Parallel", "branches": { "one": { "steps": steps } } }),
        })
    });
    let names = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    (prop::collection::btree_map(names, step, 1..6), any::<bool>()).prop_map(|(mut steps, with_output)| {
        let last =
            json!({ "activity": "AuditLog", "with": { "action": "last", "target": "t" }, "end": true });
        steps.insert("z", last);
        let mut definition = json!({ "workflow": "sample", "steps": steps });
        if with_output {
            definition["output"] = json!({ "x": "{% $input.x %}" });
        }
        definition
    })
}

/// Trees of any shape, with the language's own words.
fn trees() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "workflow",
        "steps",
        "activity",
        "with",
        "Loop",
        "Parallel",
        "Conditional",
        "cases",
        "when",
        "next",
        "end",
        "catch",
        "on",
        "retry",
        "branches",
        "items",
        "while",
        "compensate",
        "escalate",
        "fail",
        "30s",
        "{% $x %}",
        "a/b~c",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|number| json!(number)),
        word.clone().prop_map(|word| json!(word)),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// The nearest place that must exist: a problem about something missing names what it is missing from.
fn exists(tree: &Value, pointer: &str) -> bool {
    tree.pointer(pointer).is_some()
        || tree.pointer(pointer.rsplit_once('/').map_or("", |(parent, _)| parent)).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_compiles_is_accepted_and_compiles_to_the_same_bytes_again(definition in definitions()) {
        let document = parse(&definition.to_string(), Format::Json).unwrap();
        match compile(&document, Catalogue::embedded(), &target()) {
            Ok(first) => {
                let second = compile(&document, Catalogue::embedded(), &target()).unwrap();
                prop_assert_eq!(first.asl.to_string(), second.asl.to_string());
                let parsed = Machine::parse(&first.asl.to_string());
                prop_assert!(parsed.is_ok(), "{:#?}\n{:#}", parsed.err(), first.asl);
            }
            Err(error) => {
                prop_assert!(!error.problems.is_empty());
                for problem in error.problems {
                    prop_assert!(crate::PROBLEM_CODES.iter().any(|(code, _)| *code == problem.code));
                }
            }
        }
    }

    #[test]
    fn no_tree_makes_the_compiler_panic_and_every_problem_has_a_place(tree in trees()) {
        let document = parse(&tree.to_string(), Format::Json).unwrap();
        if let Err(error) = compile(&document, Catalogue::embedded(), &target()) {
            for problem in error.problems {
                prop_assert!(exists(&tree, &problem.pointer), "{:?}", problem);
                prop_assert!(problem.line >= 1 && problem.column >= 1);
                prop_assert!(!problem.message.is_empty());
                prop_assert!(crate::PROBLEM_CODES.iter().any(|(code, _)| *code == problem.code), "{}", problem.code);
            }
        }
        drop(crate::graph(&document));
    }
}
