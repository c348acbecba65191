use super::*;
use crate::read::{Format, parse};

/// `(line, pointer, code)` of every problem.
fn problems(text: &str) -> Vec<(u32, String, String)> {
    let document = parse(text, Format::Yaml).unwrap();
    check(&document, Catalogue::embedded())
        .into_iter()
        .map(|problem| (problem.line, problem.pointer, problem.code.into_owned()))
        .collect()
}

/// `pointer code` of the problems of steps.
fn of_steps(steps: &str) -> Vec<String> {
    problems(&format!("workflow: sample\nsteps:\n{steps}"))
        .into_iter()
        .map(|(_, pointer, code)| format!("{} {code}", pointer.trim_start_matches("/steps")))
        .collect()
}

const LOG: &str = "{ activity: AuditLog, with: { action: a, target: b }, end: true }";

#[test]
fn everything_is_told_at_once_in_the_authors_order_and_lines() {
    let text = "workflow: Bad Name
colour: red
timeout: soon
steps:
  check:
    activity: DataValidaton
    with: { data: 1 }
  route:
    activity: Conditional
    cases: [{ when: '{% $input. %}', next: pai }]
    otherwise: check
  pay:
    activity: HttpRequest
    with: { method: FETCH, uri: 'https://x.example', headers: { a: 1 } }
    retry: { on: [Nope], max: -1 }
    catch: [{ on: [Timeot], next: route }]
  lost: { activity: Delay, for: 3 days, end: true }
output: '{% $nothing %}'
";
    let told: Vec<String> =
        problems(text).into_iter().map(|(line, pointer, code)| format!("{line} {pointer} {code}")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn messages_say_what_to_do() {
    let text = "workflow: sample
steps:
  pay:
    activity: HtpRequest
    wiht: {}
    next: pey
  log: { activity: AuditLog, with: { acton: a, target: '{% $pay.stat & invoice %}' }, end: true, catch: [{ on: [Validation], end: true }] }
  again: { activity: UserApproval, with: { title: x, assignees: [y], timeout_seconds: 4 }, timeout: 1h, escalate: { after: 2h, to: [z] } }
";
    let document = parse(text, Format::Yaml).unwrap();
    let told: Vec<String> = check(&document, Catalogue::embedded())
        .into_iter()
        .map(|problem| format!("{}:{} {} {}", problem.line, problem.column, problem.code, problem.message))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_designs_example_is_right() {
    let text = r#"
workflow: invoice-approval
input: { type: object, required: [invoice], properties: { invoice: { type: object } } }
timeout: 30d
steps:
  check:
    activity: DataValidation
    with: { data: "{% $input.invoice %}", schema: { required: [number, amount] } }
    catch: [{ on: [ValidationFailed], next: refuse }]
  route:
    activity: Conditional
    cases: [{ when: "{% $input.invoice.amount > 1000 %}", next: manager }]
    otherwise: pay
  manager:
    activity: UserApproval
    with: { title: "Pay {% $input.invoice.number %}?", assignees: [finance], quorum: 2 }
    timeout: 48h
    escalate: { after: 24h, to: [cfo] }
    next: pay
  pay:
    activity: HttpRequest
    with: { method: POST, url: "https://bank.example/payments", body: "{% $input.invoice %}" }
    retry: { max: 5, interval: 1s, backoff: 2, jitter: true }
    compensate: { activity: HttpRequest, with: { method: DELETE, url: "{% $pay.body.href %}" } }
    end: true
  refuse: { activity: SendNotification, with: { to: "{% $input.invoice.from %}", text: refused }, end: true }
output: "{% { 'paid': $exists($pay) } %}"
"#;
    assert_eq!(problems(text), []);
}

#[test]
fn the_flow_is_followed() {
    assert_eq!(of_steps("  a: { activity: Delay, for: 1s }"), ["/a missing-end"]);
    assert_eq!(
        of_steps(&format!("  a: {{ activity: Delay, for: 1s, next: c }}\n  b: {LOG}\n  c: {LOG}")),
        ["/b unreachable-step"]
    );
    assert_eq!(
        of_steps("  a: { activity: Delay, for: 1s }\n  b: { activity: Delay, for: 1s, next: a }"),
        ["/a endless-cycle"]
    );
    assert_eq!(of_steps("  a: { activity: Delay, for: 1s, next: zzz }"), ["/a/next unknown-step"]);
    // A slip is one problem: the step that was meant is not unreachable too.
    assert_eq!(
        of_steps(&format!("  a: {{ activity: Delay, for: 1s, next: secnd }}\n  x: {LOG}\n  second: {LOG}")),
        ["/a/next unknown-step", "/x unreachable-step"]
    );
    assert_eq!(
        of_steps(&format!(
            "  a: {{ activity: Conditional, cases: [{{ when: '{{% true %}}' }}] }}\n  b: {LOG}"
        )),
        ["/a/cases/0 missing-next"]
    );
    let inner =
        "  a: { activity: Loop, items: [1], steps: { i: { activity: Delay, for: 1s, next: b } }, end: true }";
    assert_eq!(
        of_steps(&format!("{inner}\n  b: {LOG}")),
        ["/a/steps/i/next unknown-step", "/b unreachable-step"]
    );
}

#[test]
fn a_variable_is_read_only_where_a_path_has_set_it() {
    let read = |name: &str| {
        format!("{{ activity: AuditLog, with: {{ action: '{{% ${name} %}}', target: b }}, end: true }}")
    };
    let delay = "{ activity: AuditLog, with: { action: '{% $b %}', target: x } }";
    assert_eq!(of_steps(&format!("  a: {delay}\n  b: {LOG}")), ["/a/with/action unset-variable"]);
    assert_eq!(of_steps(&format!("  a: {}", read("nope"))), ["/a/with/action unknown-variable"]);
    let branch = |target: &str| {
        format!(
            "  which: {{ activity: Conditional, cases: [{{ when: '{{% $input.x %}}', next: a }}], otherwise: b }}\n  a: {{ activity: AuditLog, with: {{ action: a, target: b }} }}\n  b: {}",
            read(target)
        )
    };
    assert_eq!(of_steps(&branch("exists($a)")), Vec::<String>::new());
    let inside = "  l: { activity: Loop, items: [1], as: n, steps: { i: { activity: AuditLog, with: { action: '{% $string($n) %}', target: x } } } }";
    assert_eq!(of_steps(&format!("{inside}\n  after: {}", read("i"))), ["/after/with/action unset-variable"]);
    assert_eq!(
        of_steps(&format!("{inside}\n  after: {}", read("n"))),
        ["/after/with/action unknown-variable"]
    );
    let rounds = "  w: { activity: Loop, while: '{% $not($exists($i)) %}', steps: { i: { activity: AuditLog, with: { action: a, target: x } } } }";
    assert_eq!(of_steps(&format!("{rounds}\n  after: {}", read("i.event_id"))), Vec::<String>::new());
    let caught =
        "  a: { activity: AuditLog, with: { action: a, target: b }, catch: [{ next: c }], end: true }";
    assert_eq!(of_steps(&format!("{caught}\n  c: {}", read("caught.cause"))), Vec::<String>::new());
    assert_eq!(
        of_steps(&format!("{caught}\n  c: {}", read("error.cause"))),
        ["/c/with/action unknown-variable"]
    );
    assert_eq!(
        of_steps(&format!("{caught}\n  c: {}", read("a.event_id"))),
        ["/c/with/action unset-variable"]
    );
}

#[test]
fn fields_that_a_result_never_has_are_told() {
    let pay = "  pay: { activity: HttpRequest, with: { method: GET, url: 'https://x.example' } }";
    let read = |path: &str| {
        format!(
            "{pay}\n  b: {{ activity: AuditLog, with: {{ action: '{{% {path} %}}', target: b }}, end: true }}"
        )
    };
    assert_eq!(of_steps(&read("$pay.body.anything.goes")), Vec::<String>::new());
    assert_eq!(of_steps(&read("$pay.headers.`x-id`")), Vec::<String>::new());
    assert_eq!(of_steps(&read("$pay.code")), ["/b/with/action unknown-field"]);
    assert_eq!(of_steps(&read("$execution.name")), ["/b/with/action unknown-field"]);
}

#[test]
fn names_are_identifiers_unique_and_free() {
    for (name, code) in [
        ("with-hyphen", "bad-name"),
        ("1st", "bad-name"),
        ("ünïcode", "bad-name"),
        ("''", "bad-name"),
        ("a23456789012345678901234567890123456789012345678901234567890123456789", "bad-name"),
        ("states", "reserved-name"),
        ("input", "reserved-name"),
        ("count", "reserved-name"),
        ("toss_undo", "reserved-name"),
    ] {
        let told = of_steps(&format!("  {name}: {LOG}"));
        assert!(told.len() == 1 && told[0].ends_with(code), "{name}: {told:?}");
    }
    let twice = format!("  a: {{ activity: Loop, items: [1], steps: {{ b: {LOG} }} }}\n  b: {LOG}");
    assert_eq!(of_steps(&twice), ["/b duplicate-name"]);
    let nested = format!(
        "  a: {{ activity: Loop, items: [1], end: true, steps: {{ b: {{ activity: Loop, items: [1], steps: {{ c: {LOG} }} }} }} }}"
    );
    assert_eq!(of_steps(&nested), ["/a/steps/b duplicate-name"]);
}

#[test]
fn each_step_has_what_its_activity_needs_and_nothing_else() {
    assert_eq!(of_steps("  a: { end: true }"), ["/a missing-key"]);
    assert_eq!(of_steps("  a: { activity: Delay, end: true }"), ["/a missing-key"]);
    assert_eq!(
        of_steps("  a: { activity: Delay, for: 1s, until: '2030-01-01T00:00:00Z', end: true }"),
        ["/a/until conflict"]
    );
    assert_eq!(of_steps("  a: { activity: Delay, until: tomorrow, end: true }"), ["/a/until bad-time"]);
    assert_eq!(
        of_steps("  a: { activity: Delay, for: 1s, with: { x: 1 }, timeout: 3s, end: true }"),
        ["/a/with not-applicable", "/a/timeout not-applicable"]
    );
    assert_eq!(
        of_steps("  a: { activity: Loop, steps: {}, end: true }"),
        ["/a missing-key", "/a missing-key", "/a/steps bad-value"]
    );
    assert_eq!(
        of_steps(&format!(
            "  a: {{ activity: Conditional, cases: [{{ when: '$x', next: b }}], otherwise: b }}\n  b: {LOG}"
        )),
        ["/a/cases/0/when not-an-expression"]
    );
    let compensate = |with: &str| {
        format!(
            "  a: {{ activity: AuditLog, with: {{ action: a, target: b }}, end: true, compensate: {with} }}"
        )
    };
    assert_eq!(
        of_steps(&compensate("{ activity: UserApproval }")),
        ["/a/compensate/activity bad-compensation"]
    );
    assert_eq!(
        of_steps(&compensate("{ activity: AuditLog, with: { action: a } }")),
        ["/a/compensate/with missing-parameter"]
    );
    assert_eq!(
        of_steps("  a: { fail: { cause: x }, end: true }"),
        ["/a/fail missing-key", "/a/end not-applicable"]
    );
}

#[test]
fn what_nothing_can_catch_is_told() {
    let step = |catch: &str| {
        format!("  a: {{ activity: AuditLog, with: {{ action: a, target: b }}, end: true, catch: {catch} }}")
    };
    assert_eq!(
        of_steps(&step("[{ end: true }, { on: [Timeout], end: true }]")),
        ["/a/catch/1 unreachable-catch"]
    );
    assert_eq!(of_steps(&step("[{ on: ['*', Timeout], end: true }]")), ["/a/catch/0/on conflict"]);
    assert_eq!(
        of_steps(&step("[{ on: [HttpRequest.Timeout], end: true }]")),
        ["/a/catch/0/on/0 unknown-error"]
    );
    assert_eq!(
        of_steps(&step("[{ on: [AuditLog.InvalidParameters, States.Timeout], end: true }]")),
        Vec::<String>::new()
    );
}

#[test]
fn express_is_refused_where_someone_is_waited_for() {
    let text = "workflow: sample
mode: express
timeout: 1h
input: { type: array }
steps: { a: { activity: UserApproval, with: { title: x, assignees: [y] }, end: true } }
";
    let told: Vec<String> =
        problems(text).into_iter().map(|(_, pointer, code)| format!("{pointer} {code}")).collect();
    assert_eq!(told, ["/mode bad-mode", "/mode bad-mode", "/input/type bad-value"]);
}

#[test]
fn the_examples_of_the_catalogue_are_right() {
    for spec in Catalogue::embedded().iter() {
        let mut steps = serde_json::Map::new();
        steps.insert("sample_step".to_owned(), spec.example.clone());
        for target in ["ask", "pay"] {
            if spec.example.to_string().contains(&format!("\"{target}\"")) {
                steps.insert(
                    target.to_owned(),
                    serde_json::json!({ "activity": "AuditLog", "with": { "action": "a", "target": "b" }, "end": true }),
                );
            }
        }
        let definition = serde_json::json!({ "workflow": "sample", "steps": steps });
        let document = parse(&definition.to_string(), Format::Json).unwrap();
        assert_eq!(check(&document, Catalogue::embedded()), [], "{}", spec.activity_type);
    }
}

/// Each of these took a time that grows faster than its size before it was bounded.
#[test]
fn hostile_definitions_are_answered_soon() {
    let log = "{\"activity\": \"AuditLog\", \"with\": {\"action\": \"{% $a0 %}\", \"target\": \"x\"}}";
    let many: Vec<String> = (0..6000).map(|at| format!("\"a{at}\": {log}")).collect();
    let most: Vec<String> = (0..500).map(|at| format!("\"a{at}\": {log}")).collect();
    let mut nested = log.to_owned();
    for level in 0..28 {
        nested = format!(
            "{{\"activity\": \"Loop\", \"items\": [1], \"steps\": {{\"l{level}\": {nested}}}, \"catch\": [{{\"end\": true}}]}}"
        );
    }
    let deep = format!("\"a\": {{\"activity\": \"Delay\", \"for\": \"{{% {}1 %}}\"}}", "(".repeat(200_000));
    let long =
        format!("\"a\": {{\"activity\": \"Delay\", \"for\": \"{{% 1{} %}}\"}}", " + 1".repeat(100_000));
    let quotes = format!("\"a\": {{\"activity\": \"Delay\", \"until\": \"{}\"}}", "{% ' ".repeat(80_000));
    let name = format!("\"{}\": {log}", "n".repeat(400_000));
    for steps in [many.join(","), most.join(","), format!("\"a\": {nested}"), deep, long, quotes, name] {
        let text = format!("{{\"workflow\": \"sample\", \"steps\": {{{steps}}}}}");
        let began = std::time::Instant::now();
        let document = parse(&text, Format::Json).unwrap();
        let told = check(&document, Catalogue::embedded());
        assert!(!told.is_empty());
        assert!(told.iter().all(|problem| problem.message.len() < 2000), "{}", told[0].code);
        assert!(began.elapsed().as_secs() < 10, "{} took {:?}", &text[..60], began.elapsed());
    }
}
