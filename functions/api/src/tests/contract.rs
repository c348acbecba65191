//! What all routes have in common.

use std::collections::BTreeSet;

use serde_json::Value;
use toss_clients::Policy;
use toss_runtime::api::Access;

#[test]
fn every_action_of_a_route_stands_in_the_policy() {
    let known = Policy::embedded().unwrap().actions();
    let mut generator = crate::openapi::generator();
    for resource in crate::resources(&mut generator) {
        for (route, ..) in &resource.routes {
            if let Access::Action(action) = route.access {
                assert!(
                    known.iter().any(|known| known == action),
                    "{action} of {} {}",
                    route.method,
                    route.path
                );
            }
        }
    }
}

#[test]
fn no_two_routes_are_the_same_and_all_are_below_v1() {
    let mut seen = BTreeSet::new();
    let mut generator = crate::openapi::generator();
    for resource in crate::resources(&mut generator) {
        for (route, ..) in &resource.routes {
            assert!(route.path.starts_with("/v1/"), "{}", route.path);
            assert!(seen.insert((route.method.clone(), route.path)), "{} {}", route.method, route.path);
        }
    }
}

#[test]
fn the_document_refers_to_nothing_that_it_does_not_hold() {
    let document = crate::openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operations.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{method} {path}"
            );
        }
    }
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
