use proptest::prelude::*;

use super::*;

fn codes(text: &str, format: Format) -> Vec<String> {
    parse(text, format)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|problem| problem.code.into_owned())
        .collect()
}

#[test]
fn a_value_is_found_at_its_line_and_column() {
    let document = parse("workflow: a\nsteps:\n  pay:\n    with: { url: x }\n", Format::Yaml).unwrap();
    assert_eq!(document.locate("/steps/pay/with/url"), (4, 13));
    assert_eq!(document.locate("/steps/pay/nothing"), (3, 3));
    let document = parse("{\n \"steps\": {\"pay\": [1, 2]}}", Format::Json).unwrap();
    assert_eq!(document.locate("/steps/pay/1"), (2, 23));
}

#[test]
fn every_duplicate_key_is_told_at_once() {
    let problems = parse("a: 1\nb: { c: 1, c: 2 }\na: 2\n", Format::Yaml).unwrap_err();
    let places: Vec<_> = problems.iter().map(|p| (p.pointer.as_str(), p.line)).collect();
    assert_eq!(places, [("/b/c", 2), ("/a", 3)]);
    assert_eq!(codes(r#"{"a": 1, "a": 2}"#, Format::Json), ["duplicate-key"]);
}

#[test]
fn a_bomb_of_aliases_is_refused_before_it_grows() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let before = level - 1;
        text += &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]\n");
    }
    assert_eq!(codes(&text, Format::Yaml), ["too-many-values"]);
}

#[test]
fn deep_nesting_is_refused_in_both_formats() {
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(100_000);
        assert_eq!(codes(&text, Format::Json), ["too-deep"]);
        // YAML's scanner has a limit of its own, which may be reached first.
        let code = codes(&text, Format::Yaml).remove(0);
        assert!(code == "too-deep" || code == "yaml-syntax", "{code}");
    }
    let block: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_eq!(codes(&block, Format::Yaml), ["too-deep"]);
}

#[test]
fn what_json_cannot_hold_is_refused() {
    for (text, code) in [
        ("? [a]\n: b", "bad-key"),
        ("a: .nan", "bad-number"),
        ("a: !secret x", "unknown-tag"),
        ("a: 1\n---\nb: 2", "several-documents"),
        ("", "empty"),
        ("# only a comment", "empty"),
        ("a: [1", "yaml-syntax"),
        ("a: *nothing", "yaml-syntax"),
    ] {
        assert_eq!(codes(text, Format::Yaml), [code], "{text}");
    }
    for text in ["", "{", "{\"a\" 1}", "[1,]", "{} {}", "nul", "01", "\"\\x\"", "\"\n\""] {
        assert_eq!(codes(text, Format::Json), ["json-syntax"], "{text}");
    }
}

#[test]
fn scalars_follow_the_core_schema() {
    let text =
        "{a: 1, b: 1.5, c: yes, d: '1', e: true, f: ~, g: 0x1f, h: 1_000, i: 2026-11-22, j: !!str 5, k: 1e3}";
    let value = parse(text, Format::Yaml).unwrap().value().clone();
    let expected = serde_json::json!({
        "a": 1, "b": 1.5, "c": "yes", "d": "1", "e": true, "f": null, "g": 31, "h": "1_000", "i": "2026-11-22",
        "j": "5", "k": 1000.0
    });
    assert_eq!(value, expected);
}

#[test]
fn a_text_over_the_limit_is_refused_unread() {
    assert_eq!(codes(&" ".repeat(MAX_TEXT_BYTES + 1), Format::Yaml), ["too-large"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "[ \\n\\t{}\\[\\]:,&*!|>'\"%@`?#a-c0-9\\\\-]{0,120}") {
        drop(parse(&text, Format::Yaml));
        drop(parse(&text, Format::Json));
    }

    #[test]
    fn the_json_reader_agrees_with_serde_json(text in "[\\[\\]{}:,\"a0-9.eE+\\\\ntrufals -]{0,40}") {
        let ours = parse(&text, Format::Json);
        if let (Ok(ours), Ok(theirs)) = (&ours, serde_json::from_str::<Value>(&text)) {
            prop_assert_eq!(ours.value(), &theirs);
        } else {
            prop_assert_eq!(ours.is_ok(), serde_json::from_str::<Value>(&text).is_ok() && ours.is_ok());
        }
    }
}
