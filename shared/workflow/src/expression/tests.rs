use serde_json::json;

use super::*;

fn reads(expression: &str) -> Vec<String> {
    let found = analyse(expression);
    assert_eq!(found.faults, [], "{expression}");
    found.reads.iter().map(|read| format!("{}.{}", read.variable, read.path.join("."))).collect()
}

fn codes(expression: &str) -> Vec<&'static str> {
    analyse(expression).faults.iter().map(|fault| fault.code).collect()
}

#[test]
fn reads_are_found_with_their_static_paths() {
    assert_eq!(reads("$pay.body.href"), ["pay.body.href"]);
    assert_eq!(reads("$sum($a.lines[amount > $b.min].amount)"), ["a.lines.amount", "b.min"]);
    assert_eq!(reads("($x := $a.b; $x.c)"), ["a.b"]);
    assert_eq!(reads("$map($a.list, function($v, $i) { $v.n + $i })"), ["a.list"]);
    assert_eq!(reads("{'paid': $exists($pay)}"), ["pay."]);
    assert_eq!(reads("$a.items@$i#$n.{'at': $n, 'item': $i}"), ["a.items"]);
    assert_eq!(reads("$map($a, $uppercase)"), ["a."]);
    assert_eq!(reads("$a ~> |lines|{'total': price * count}|"), ["a."]);
    assert_eq!(reads("($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $f($a))"), ["a."]);
}

#[test]
fn what_cannot_work_is_told() {
    assert_eq!(codes("$input."), ["expression-syntax"]);
    assert_eq!(codes("  "), ["expression-syntax"]);
    assert_eq!(codes("invoice.amount > 5"), ["no-current-item"]);
    assert_eq!(codes("$$.amount"), ["no-current-item"]);
    assert_eq!(codes("$nope(1)"), ["unknown-function"]);
    assert_eq!(codes("sum($a)"), ["unknown-function"]);
    assert_eq!(codes("$eval('1')"), ["unknown-function"]);
    assert_eq!(codes("($input := 1; $input)"), ["reserved-name"]);
}

#[test]
fn expressions_inside_a_text_are_joined() {
    assert_eq!(source("plain"), None);
    assert_eq!(source("{% $a %}").as_deref(), Some("$a"));
    assert_eq!(source("  {% $a %}\n").as_deref(), Some("$a"));
    assert_eq!(source("Pay {% $a %}?").as_deref(), Some(r#""Pay " & ($a) & "?""#));
    assert_eq!(source("{% $a %}{% $b %}").as_deref(), Some("($a) & ($b)"));
    assert_eq!(source("{% $a & '%}' %}").as_deref(), Some("$a & '%}'"));
    assert_eq!(source("{% /* it's */ $a %}").as_deref(), Some("/* it's */ $a"));
    assert_eq!(pieces("x {% $a"), [Piece::Literal("x "), Piece::Unclosed]);
}

#[test]
fn only_the_bindings_that_are_read_are_written() {
    let bindings = [Binding::new("input", "$states.context.Execution.Input"), Binding::new("other", "1")];
    let value = json!({"a": ["{% $input.b %}", "text"], "n": 1, "c": "{% $pay %}"});
    assert_eq!(
        lower(&value, &bindings),
        json!({"a": ["{% ($input := $states.context.Execution.Input; $input.b) %}", "text"], "n": 1, "c": "{% $pay %}"})
    );
}
