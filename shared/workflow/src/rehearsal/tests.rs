use super::*;
use crate::{
    read::{Format, parse},
    template::template,
};

fn invoices() -> Document {
    let parameters =
        json!({ "payment_url": "https://bank.example/payments", "ledger_url": "https://ledger.example/r" });
    let instance = template("invoice-approval").unwrap().instantiate("invoices", &parameters).unwrap();
    parse(&instance.text, Format::Json).unwrap()
}

fn sample(name: &str) -> Value {
    let samples = &template("invoice-approval").unwrap().samples;
    samples.iter().find(|sample| sample.name == name).unwrap().input.clone()
}

#[expect(clippy::needless_pass_by_value, reason = "the callers write literals")]
fn run(document: &Document, input: Value, mocks: Value) -> Report {
    let mocks = mocks.as_object().unwrap().clone();
    let rehearsal = Rehearsal { input, mocks, ..Rehearsal::default() };
    rehearse(document, Catalogue::embedded(), &rehearsal).unwrap()
}

fn approval(decision: &str) -> Value {
    json!({
        "decision": decision,
        "decisions": [{ "principal": "usr_ann", "decision": "approve", "decided_at": "2030-01-01T01:00:00Z" },
                      { "principal": "usr_bob", "decision": if decision == "approved" { "approve" } else { "reject" },
                        "comment": "too dear", "decided_at": "2030-01-01T02:00:00Z" }],
    })
}

fn mocks() -> Value {
    let http = |body: Value| json!({ "status": 200, "headers": {}, "body": body });
    json!({
        "check": { "valid": true },
        "reserve": http(json!({ "reserved": true })),
        "approve": { "after": "30h", "result": approval("approved") },
        "pay": http(json!({ "payment": "p-1" })),
        "record": { "event_id": "aud_1" },
        "tell_paid": { "notification_id": "1", "recipients": 1 },
        "refuse": { "notification_id": "1", "recipients": 1 },
        "tell_rejected": { "notification_id": "1", "recipients": 1 },
        "tell_expired": { "notification_id": "1", "recipients": 1 },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the callers write literals")]
fn with(change: Value) -> Value {
    let mut all = mocks();
    all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    all
}

#[test]
fn a_small_invoice_is_paid_at_once() {
    let report = run(&invoices(), sample("under-threshold"), mocks());
    assert_eq!(report.path, ["check", "route", "pay", "record", "tell_paid"]);
    assert_eq!(
        report.output,
        Some(
            json!({ "status": "paid", "invoice": "2026-0412", "payment": { "payment": "p-1" }, "approved_by": [] })
        )
    );
}

#[test]
fn a_large_invoice_is_paid_when_enough_people_approve() {
    let report = run(&invoices(), sample("over-threshold"), mocks());
    assert_eq!(report.status, "succeeded", "{report:#?}");
    assert_eq!(report.path.len(), 8);
    assert_eq!(report.seconds, 30 * 3600);
    assert_eq!(report.output.as_ref().unwrap()["approved_by"], json!(["usr_ann", "usr_bob"]));
    let ask = report.calls.iter().find(|call| call.step == "approve").unwrap();
    assert_eq!(ask.parameters["quorum"], 2);
    assert_eq!(ask.parameters["escalate"], json!({ "after_seconds": 86_400, "to": ["cfo"] }));
    assert_eq!(ask.parameters["title"], "Pay invoice 2026-0413 of Ostermann Maschinenbau AG: 18450.5 EUR?");
    let pay = report.calls.iter().find(|call| call.step == "pay").unwrap();
    assert_eq!(pay.parameters["headers"]["Idempotency-Key"], "exe_00000000000000000000000000");
}

#[test]
fn a_rejected_invoice_gives_its_budget_back() {
    let mocks = with(json!({ "approve": approval("rejected"), "tell_rejected": { "error": "NoRecipient" } }));
    let report = run(&invoices(), sample("over-threshold"), mocks);
    assert_eq!((report.status.as_str(), report.error.as_deref()), ("failed", Some("InvoiceRejected")));
    assert_eq!(report.cause.as_deref(), Some("Invoice 2026-0413 was rejected."));
    let undo = report.calls.last().unwrap();
    assert_eq!((undo.step.as_str(), undo.activity.as_str()), ("Undo reserve", "HttpRequest"));
    assert_eq!(undo.parameters["url"], "https://ledger.example/r/exe_00000000000000000000000000");
    assert!(!report.path.contains(&"pay".to_owned()));
    let told = report.calls.iter().find(|call| call.step == "tell_rejected").unwrap();
    assert_eq!(told.parameters["text"], "usr_ann: approve; usr_bob: reject (too dear)");
}

#[test]
fn nobody_deciding_gives_the_budget_back() {
    let report = run(&invoices(), sample("over-threshold"), with(json!({ "approve": { "never": true } })));
    assert_eq!(report.error.as_deref(), Some("InvoiceExpired"), "{report:#?}");
    assert_eq!(report.seconds, 72 * 3600);
    assert_eq!(report.path.last().unwrap(), "Fail after undo");
    assert!(report.path.contains(&"Undo reserve".to_owned()));
}

#[test]
fn a_payment_that_fails_gives_the_budget_back_and_keeps_its_error() {
    let failing = json!({ "pay": { "error": "UnexpectedStatus", "cause": "402" } });
    let report = run(&invoices(), sample("over-threshold"), with(failing.clone()));
    assert_eq!(report.error.as_deref(), Some("HttpRequest.UnexpectedStatus"));
    assert_eq!(report.cause.as_deref(), Some("402"));
    assert!(report.path.contains(&"Undo reserve".to_owned()));
    // Nothing was reserved for a small one, so nothing is released.
    let report = run(&invoices(), sample("under-threshold"), with(failing));
    assert!(!report.path.contains(&"Undo reserve".to_owned()), "{:?}", report.path);
    assert_eq!(report.error.as_deref(), Some("HttpRequest.UnexpectedStatus"));
    // A passing failure is tried again.
    let passing = json!({ "pay": [{ "error": "Timeout" }, { "status": 200, "headers": {}, "body": 1 }] });
    assert_eq!(run(&invoices(), sample("under-threshold"), with(passing)).status, "succeeded");
}

#[test]
fn a_compensation_that_fails_is_told_and_hides_nothing() {
    let mocks =
        with(json!({ "approve": approval("rejected"), "Undo reserve": { "error": "UnexpectedStatus" } }));
    let report = run(&invoices(), sample("over-threshold"), mocks);
    assert_eq!(report.error.as_deref(), Some("InvoiceRejected"));
    assert_eq!(
        report.cause.as_deref(),
        Some("Invoice 2026-0413 was rejected. (reserve could not be undone: HttpRequest.UnexpectedStatus)")
    );
}

#[test]
fn an_invalid_invoice_is_refused_and_a_notice_that_fails_undoes_no_payment() {
    let mocks = with(json!({ "check": { "error": "ValidationFailed", "cause": "/supplier/iban" } }));
    let report = run(&invoices(), sample("invalid"), mocks);
    assert_eq!(report.path, ["check", "refuse"]);
    assert_eq!(report.output.as_ref().unwrap()["status"], "refused");
    assert_eq!(report.calls[1].parameters["text"], "It is not complete: /supplier/iban");
    let mocks =
        with(json!({ "record": { "error": "Lambda.Unknown" }, "tell_paid": { "error": "NoRecipient" } }));
    let report = run(&invoices(), sample("over-threshold"), mocks);
    assert_eq!(report.status, "succeeded");
    assert_eq!(report.output.unwrap()["status"], "paid");
}

#[test]
fn completed_steps_are_undone_newest_first_whatever_the_path() {
    let text = "
workflow: trip
steps:
  which: { activity: Conditional, cases: [{ when: '{% $input.fly %}', next: flight }], otherwise: hotel }
  flight:
    activity: AuditLog
    with: { action: fly, target: x }
    compensate: { activity: AuditLog, with: { action: unfly, target: '{% $flight.event_id %}' } }
  hotel:
    activity: AuditLog
    with: { action: sleep, target: x }
    compensate: { activity: AuditLog, with: { action: unsleep, target: '{% $hotel.event_id %}' } }
  again:
    activity: Loop
    while: '{% $not($exists($car)) or $again.iterations < 2 %}'
    steps:
      car:
        activity: AuditLog
        with: { action: drive, target: '{% $string($again.iterations) %}' }
        compensate: { activity: AuditLog, with: { action: undrive, target: '{% $car.event_id %}' } }
  stop: { fail: { error: Stopped } }
";
    let document = parse(text, Format::Yaml).unwrap();
    let mocks = json!({ "flight": { "event_id": "f" }, "hotel": { "event_id": "h" },
        "car": [{ "event_id": "c1" }, { "event_id": "c2" }] });
    let undone = |fly: bool| -> Vec<String> {
        let report = run(&document, json!({ "fly": fly }), mocks.clone());
        assert_eq!(report.error.as_deref(), Some("Stopped"), "{report:#?}");
        let undo = report.calls.iter().filter(|call| call.step.starts_with("Undo"));
        undo.map(|call| call.parameters["target"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(undone(true), ["c2", "c1", "h", "f"]);
    assert_eq!(undone(false), ["c2", "c1", "h"]);
}

#[test]
fn loops_branches_and_catches_run_as_written() {
    let text = "
workflow: shapes
steps:
  lines:
    activity: Loop
    items: '{% $input.lines %}'
    as: line
    concurrency: 5
    steps:
      note: { activity: AuditLog, with: { action: '{% $line.sku %}', target: '{% $string($line_index) %}' } }
      again: { activity: AuditLog, with: { action: '{% $line.sku & $input.by %}', target: '{% $note.event_id %}' } }
  both:
    activity: Parallel
    branches:
      left: { steps: { l: { activity: AuditLog, with: { action: '{% $string($count($lines)) %}', target: x } } } }
      right:
        steps:
          r: { activity: AuditLog, with: { action: r, target: x }, catch: [{ on: [Timeout], next: late, as: why }], end: true }
          late: { activity: AuditLog, with: { action: '{% $why.error %}', target: x }, end: true, output: late }
  pause: { activity: Delay, for: 30d, end: true, output: { l: '{% $both.left.event_id %}', r: '{% $both.right %}', n: '{% $count($lines) %}' } }
";
    let document = parse(text, Format::Yaml).unwrap();
    let event = json!({ "event_id": "e" });
    let mocks = json!({ "note": event, "again": event, "l": event, "r": { "never": true }, "late": event });
    let report = run(&document, json!({ "by": "ann", "lines": [{ "sku": "a" }, { "sku": "b" }] }), mocks);
    assert_eq!(report.output, Some(json!({ "l": "e", "r": "late", "n": 2 })), "{report:#?}");
    assert!(report.seconds >= 30 * 86_400);
    let actions: BTreeSet<&str> =
        report.calls.iter().filter_map(|call| call.parameters["action"].as_str()).collect();
    assert_eq!(actions, BTreeSet::from(["a", "b", "aann", "bann", "2", "r", "States.Timeout"]));
}

#[test]
fn differences_and_steps_that_no_run_reached_are_told() {
    let expect = Expectation {
        status: Some("failed".to_owned()),
        path: Some(vec!["check".to_owned()]),
        ..Expectation::default()
    };
    let mocks = mocks().as_object().unwrap().clone();
    let rehearsal = Rehearsal { input: sample("under-threshold"), mocks, expect, ..Rehearsal::default() };
    let report = rehearse(&invoices(), Catalogue::embedded(), &rehearsal).unwrap();
    assert_eq!(report.differences.len(), 2);
    assert_eq!(report.differences[0], "the status is \"succeeded\", not \"failed\"");
    let target = CompileTarget {
        tenant: String::new(),
        workflow_id: String::new(),
        name: String::new(),
        version: 1,
        function_prefix: String::new(),
    };
    let compiled = compile(&invoices(), Catalogue::embedded(), &target).unwrap();
    let missed = unreached(&compiled, &[report]);
    assert!(missed.contains(&"approve".to_owned()) && missed.contains(&"reserve (Undo reserve)".to_owned()));
    assert!(!missed.contains(&"pay".to_owned()));
}

#[test]
fn a_step_without_a_mock_fails_and_says_so() {
    let report = run(&invoices(), sample("under-threshold"), json!({}));
    assert_eq!(report.error.as_deref(), Some("Rehearsal.NoMock"));
}
