use toss_asl::Machine;

use super::*;
use crate::{
    read::{Format, parse},
    target::CompiledMode,
    template,
};

pub(super) fn target() -> CompileTarget {
    CompileTarget {
        tenant: "ten_01J00000000000000000000000".to_owned(),
        workflow_id: "wf_01J00000000000000000000000".to_owned(),
        name: "sample".to_owned(),
        version: 3,
        function_prefix: "toss-test".to_owned(),
    }
}

/// Compiles a definition that must be right, and that the interpreter must accept.
fn compiled(text: &str) -> Compiled {
    let document = parse(text, Format::Yaml).unwrap();
    let compiled =
        compile(&document, Catalogue::embedded(), &target()).unwrap_or_else(|error| panic!("{error:#?}"));
    if let Err(diagnostics) = Machine::parse(&compiled.asl.to_string()) {
        panic!("{diagnostics:#?}\n{:#}", compiled.asl);
    }
    compiled
}

fn steps(text: &str) -> Value {
    compiled(&format!("workflow: sample\nsteps:\n{text}")).asl
}

#[test]
fn a_task_carries_the_context_beside_the_parameters() {
    insta::assert_json_snapshot!(compiled(
        r"
workflow: sample
timeout: 30d
steps:
  pay:
    title: Pay it
    activity: HttpRequest
    with: { method: POST, url: 'https://bank.example/{% $input.invoice.number %}', body: '{% $input.invoice %}' }
    end: true
output: { paid: '{% $pay.body %}', by: '{% $execution.id %}' }
"
    ));
}

#[test]
fn the_first_state_binds_the_input_for_the_others() {
    insta::assert_json_snapshot!(steps(
        r"
  one: { activity: AuditLog, with: { action: a, target: '{% $input.x %}' } }
  two: { activity: AuditLog, with: { action: b, target: '{% $input.y & $one.event_id %}' }, end: true }
"
    ));
}

#[test]
fn a_decision_is_a_choice_and_its_endings_share_one_state() {
    insta::assert_json_snapshot!(steps(
        r"
  size:
    activity: Conditional
    cases:
      - { when: '{% $input.amount > 1000 %}', next: large }
      - { when: '{% $input.amount < 0 %}', end: true, output: { refund: true } }
      - { when: '{% $input.amount = 0 %}', end: true }
    otherwise: small
  large: { activity: AuditLog, with: { action: large, target: x }, end: true }
  small: { activity: AuditLog, with: { action: small, target: x }, end: true }
"
    ));
}

#[test]
fn waits_are_native() {
    insta::assert_json_snapshot!(steps(
        r"
  first: { activity: Delay, for: 3d }
  second: { activity: Delay, for: '{% $input.seconds %}' }
  third: { activity: Delay, until: '2030-01-31T12:00:00Z' }
  fourth: { activity: Delay, until: '{% $input.due %}', end: true, output: done }
"
    ));
}

#[test]
fn branches_answer_under_their_names() {
    insta::assert_json_snapshot!(steps(
        r"
  ask:
    activity: Parallel
    branches:
      legal: { steps: { ask_legal: { activity: UserApproval, with: { title: '{% $input.title %}', assignees: [legal] } } } }
      finance:
        steps:
          budget: { activity: HttpRequest, with: { method: GET, url: 'https://x.example' }, catch: [{ next: none }], next: judge }
          judge: { activity: AuditLog, with: { action: '{% $budget.status & $input.title %}', target: x }, end: true, output: 1 }
          none: { activity: AuditLog, with: { action: '{% $caught.error %}', target: x } }
    catch: [{ on: [UnexpectedStatus, Timeout], next: told, as: why }]
  told: { activity: AuditLog, with: { action: '{% $string($ask.legal.decision) %}', target: '{% $string($why.cause) %}' }, end: true }
"
    ));
}

#[test]
fn a_loop_over_items_is_a_map() {
    insta::assert_json_snapshot!(steps(
        r"
  lines:
    activity: Loop
    items: '{% $input.lines %}'
    as: line
    concurrency: 4
    steps:
      look: { activity: AuditLog, with: { action: '{% $line.sku %}', target: '{% $string($line_index) %}' } }
      note: { activity: AuditLog, with: { action: '{% $line.sku & $input.by %}', target: '{% $look.event_id %}' } }
    end: true
"
    ));
}

#[test]
fn a_loop_that_begins_with_another_binds_its_item_first() {
    insta::assert_json_snapshot!(steps(
        r"
  orders:
    activity: Loop
    items: '{% $input.orders %}'
    as: order
    steps:
      lines:
        activity: Loop
        items: '{% $order.lines %}'
        as: line
        steps:
          note: { activity: AuditLog, with: { action: '{% $order.id %}', target: '{% $line %}' } }
    end: true
"
    ));
}

#[test]
fn a_loop_with_while_is_a_cycle_with_a_limit() {
    insta::assert_json_snapshot!(steps(
        r"
  poll:
    activity: Loop
    while: '{% $not($exists($state)) or $state.body.open %}'
    max: 20
    steps:
      state: { activity: HttpRequest, with: { method: GET, url: 'https://x.example' } }
      pause: { activity: Delay, for: 30s }
  note: { activity: AuditLog, with: { action: '{% $string($poll.iterations) %}', target: x }, end: true }
"
    ));
}

#[test]
fn retries_and_catches_have_full_names() {
    insta::assert_json_snapshot!(steps(
        r"
  pay:
    activity: HttpRequest
    with: { method: POST, url: 'https://x.example' }
    timeout: 2m
    retry:
      - { on: [Timeout], max: 5, interval: 2s, backoff: 1.5, max_interval: 1m, jitter: false }
      - { on: ['*'], max: 1 }
    catch:
      - { on: [UnexpectedStatus, InvalidParameters], next: note }
      - { end: true, output: '{% $caught.error %}' }
    end: true
  note: { activity: AuditLog, with: { action: '{% $caught.cause %}', target: x }, end: true }
"
    ));
}

#[test]
fn people_get_the_time_limit_and_the_escalation_as_parameters() {
    insta::assert_json_snapshot!(steps(
        r"
  ask:
    activity: UserApproval
    with: { title: Pay?, assignees: [finance], quorum: 2 }
    timeout: 48h
    escalate: [{ after: 12h, to: [cfo] }, { after: 24h, to: '{% $input.board %}' }]
    end: true
"
    ));
}

#[test]
fn known_compensations_run_without_a_decision() {
    insta::assert_json_snapshot!(steps(
        r"
  flight:
    activity: HttpRequest
    with: { method: POST, url: 'https://x.example/flights' }
    compensate: { activity: HttpRequest, with: { method: DELETE, url: '{% $flight.body.href %}' } }
  hotel:
    activity: HttpRequest
    with: { method: POST, url: 'https://x.example/hotels' }
    compensate: { activity: HttpRequest, with: { method: DELETE, url: '{% $hotel.body.href %}' }, retry: { max: 9 } }
  pay: { activity: HttpRequest, with: { method: POST, url: 'https://x.example/pay' }, end: true }
"
    ));
}

#[test]
fn compensations_that_depend_on_the_path_are_chosen_from_the_list() {
    insta::assert_json_snapshot!(steps(
        r"
  which: { activity: Conditional, cases: [{ when: '{% $input.fly %}', next: flight }], otherwise: hotel }
  flight:
    activity: HttpRequest
    with: { method: POST, url: 'https://x.example/flights' }
    compensate: { activity: AuditLog, with: { action: unfly, target: x } }
  hotel:
    activity: HttpRequest
    with: { method: POST, url: 'https://x.example/hotels' }
    compensate: { activity: AuditLog, with: { action: unsleep, target: '{% $input.guest %}' } }
  good: { activity: Conditional, cases: [{ when: '{% $hotel.status = 201 %}', end: true }], otherwise: no_room }
  no_room: { fail: { error: NoRoom, cause: '{% $hotel.body.message %}' } }
"
    ));
}

#[test]
fn without_compensation_a_failed_ending_is_a_fail_state() {
    insta::assert_json_snapshot!(steps(
        r"
  check: { activity: AuditLog, with: { action: a, target: b }, next: stop }
  stop: { fail: { error: Stopped, cause: 'By {% $execution.id %}' } }
"
    ));
}

#[test]
fn auto_chooses_and_says_why() {
    let pure = "{ activity: DataValidation, with: { data: 1, schema: {} }, end: true }";
    let mode = |head: &str, step: &str| {
        let compiled = compiled(&format!("workflow: sample\n{head}steps:\n  one: {step}\n"));
        (compiled.mode, compiled.reason)
    };
    assert_eq!(mode("timeout: 5m\n", pure).0, CompiledMode::Express);
    assert_eq!(
        mode("", pure),
        (CompiledMode::Standard, "it has no 'timeout', and express executions end after 5m".to_owned())
    );
    assert_eq!(mode("timeout: 1h\n", pure).0, CompiledMode::Standard);
    assert_eq!(mode("timeout: 5m\nmode: standard\n", pure).0, CompiledMode::Standard);
    let effect = "{ activity: AuditLog, with: { action: a, target: b }, end: true }";
    assert!(mode("timeout: 5m\n", effect).1.contains("may run a step twice"));
}

#[test]
fn an_author_reaches_neither_the_context_nor_the_platform() {
    for expression in ["$states.context.Task.Token", "$states.input", "($states := 1; $states)"] {
        let text = format!(
            "workflow: sample\nsteps:\n  a: {{ activity: AuditLog, with: {{ action: '{{% {expression} %}}', target: b }}, end: true }}\n"
        );
        let document = parse(&text, Format::Yaml).unwrap();
        let error = compile(&document, Catalogue::embedded(), &target()).unwrap_err();
        assert_eq!(error.problems[0].code, "reserved-name", "{expression}");
    }
}

/// How many states an execution enters on the way that the flow names.
fn path_length(machine: &Value, way: &[&str]) -> usize {
    let mut at = machine["StartAt"].as_str().unwrap().to_owned();
    for (index, expected) in way.iter().enumerate() {
        assert_eq!(at, *expected);
        let state = &machine["States"][*expected];
        let following = way.get(index + 1).copied();
        let mut targets = vec![&state["Next"], &state["Default"]];
        for list in ["Choices", "Catch"] {
            targets.extend(state[list].as_array().into_iter().flatten().map(|entry| &entry["Next"]));
        }
        match following {
            Some(next) => {
                assert!(targets.iter().any(|target| *target == next), "{expected} does not lead to {next}");
            }
            None => {
                assert!(state["End"] == true || matches!(state["Type"].as_str(), Some("Fail" | "Succeed")));
            }
        }
        at = following.unwrap_or_default().to_owned();
    }
    way.len()
}

#[test]
fn invoice_approval_spends_no_transition_that_a_hand_written_machine_would_save() {
    let parameters =
        json!({ "payment_url": "https://bank.example/payments", "ledger_url": "https://ledger.example/r" });
    let instance = template("invoice-approval").unwrap().instantiate("invoices", &parameters).unwrap();
    let compiled = compiled(&instance.text);
    let machine = &compiled.asl;
    assert_eq!(path_length(machine, &["check", "refuse"]), 2);
    assert_eq!(path_length(machine, &["check", "route", "pay", "record", "tell_paid"]), 5);
    let approved = ["check", "route", "reserve", "approve", "decide", "pay", "record", "tell_paid"];
    assert_eq!(path_length(machine, &approved), 8);
    let rejected = [
        "check",
        "route",
        "reserve",
        "approve",
        "decide",
        "tell_rejected",
        "Undo reserve",
        "Fail after undo",
    ];
    assert_eq!(path_length(machine, &rejected), 8);
    let expired = ["check", "route", "reserve", "approve", "tell_expired", "Undo reserve", "Fail after undo"];
    assert_eq!(path_length(machine, &expired), 7);
    assert_eq!(compiled.mode, CompiledMode::Standard);
    insta::assert_json_snapshot!("invoice_approval", compiled);
}
