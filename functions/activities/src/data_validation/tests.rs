use serde_json::json;

use super::*;
use crate::testing::{invoke, platform};

fn check(parameters: Value) -> Result<Value, toss_runtime::FunctionError> {
    invoke::<DataValidation>(&platform(), parameters)
}

fn invoice(amount: f64, iban: &str) -> Value {
    json!({
        "data": { "number": "1", "amount": amount, "iban": iban, "lines": [{ "amount": 900 }, { "amount": 2.1 }] },
        "schema": {
            "type": "object",
            "required": ["number", "amount", "lines"],
            "properties": { "iban": { "type": "string", "pattern": "^[A-Z]{2}[0-9]{2}" } },
        },
        "rules": [{
            "name": "total",
            "expression": "$round($sum(lines.amount), 2) = $round(amount, 2)",
            "message": "The lines do not add up to the amount.",
        }],
    })
}

#[test]
fn what_fits_is_valid() {
    assert_eq!(check(invoice(902.1, "DE89")).unwrap(), json!({ "valid": true }));
}

#[test]
fn all_violations_of_schema_and_rules_are_told_at_once() {
    let error = check(invoice(920.0, "not an iban")).unwrap_err();
    assert_eq!(error.error_type, "DataValidation.ValidationFailed");
    assert!(error.error_message.starts_with("2 violations: /iban: "), "{}", error.error_message);
    assert!(error.error_message.ends_with("; total: The lines do not add up to the amount."));
    assert!(!error.error_message.contains("not an iban"), "values stay out of causes");
}

#[test]
fn a_rule_over_what_is_missing_speaks_only_of_data_that_fits() {
    let rule = json!([{ "name": "r", "expression": "$sum(text) > 1" }]);
    let data = json!({ "text": "x" });
    let bad =
        check(json!({ "data": data, "schema": { "required": ["number"] }, "rules": rule })).unwrap_err();
    assert!(bad.error_message.starts_with("1 violation: "), "{}", bad.error_message);
    let good = check(json!({ "data": data, "schema": true, "rules": rule })).unwrap_err();
    assert!(good.error_message.contains("cannot be evaluated"), "{}", good.error_message);
}

#[test]
fn what_cannot_be_used_says_so() {
    for (parameters, name) in [
        (json!({ "data": 1, "schema": { "type": "nothing" } }), "InvalidSchema"),
        (json!({ "data": 1, "schema": { "$ref": "http://a.example/" } }), "InvalidSchema"),
        (
            json!({ "data": 1, "schema": true, "rules": [{ "name": "r", "expression": "((" }] }),
            "InvalidSchema",
        ),
        (json!({ "data": 1 }), "InvalidParameters"),
        (json!({ "data": 1, "schema": true, "extra": 1 }), "InvalidParameters"),
        (json!({ "data": 1, "schema": true, "rules": [{ "name": "r" }] }), "InvalidParameters"),
        (json!(null), "InvalidParameters"),
    ] {
        assert_eq!(check(parameters).unwrap_err().error_type, format!("DataValidation.{name}"));
    }
}

#[test]
fn a_rule_that_runs_away_is_stopped() {
    for expression in [
        "($f := function($n) { $f($n + 1) + 1 }; $f(1)) > 0",
        "($f := function($n) { $f($n + 1) }; $f(1))",
        "$count([1..9000000].([1..9000000])) > 0",
        "$eval('1') = 1",
        "$length($pad('x', 900000000000)) > 1",
    ] {
        let parameters =
            json!({ "data": 1, "schema": true, "rules": [{ "name": "r", "expression": expression }] });
        let error = check(parameters).unwrap_err();
        assert_eq!(error.error_type, "DataValidation.ValidationFailed", "{expression}: {error}");
    }
}

#[test]
fn many_violations_fit_into_one_cause() {
    let data: Vec<i32> = (0..5000).collect();
    let error = check(json!({ "data": data, "schema": { "items": { "type": "string" } } })).unwrap_err();
    assert!(error.error_message.starts_with("100 or more violations: "));
    assert!(error.error_message.len() < 9000);
}
