use super::*;
use crate::{catalogue::Catalogue, check, graph};

#[test]
fn every_template_reads_and_is_right_with_little_said() {
    assert_eq!(templates().len(), SOURCES.len());
    for template in templates() {
        let parameters =
            json!({ "payment_url": "https://bank.example/p", "ledger_url": "https://ledger.example/r" });
        let instance = template.instantiate("mine", &parameters).unwrap();
        let document = parse(&instance.text, Format::Json).unwrap();
        assert_eq!(check(&document, Catalogue::embedded()), [], "{}", template.id);
        assert_eq!(document.name(), Some("mine"));
        assert!(template.documentation.starts_with('#'));
        assert!(!template.samples.is_empty());
        insta::assert_snapshot!(format!("{}-graph", template.id), graph(&document));
    }
}

#[test]
fn all_that_is_wrong_with_parameters_is_told_at_once() {
    let parameters = json!({
        "payment_url": "ftp://x", "threshold": -1, "approvers": [], "quorum": "two", "decision_time": "soon",
        "wat": 1, "notify": ["{% $states.context.Task.Token %}"]
    });
    let problems = template("invoice-approval").unwrap().instantiate("mine", &parameters).unwrap_err();
    let mut told: Vec<_> = problems.iter().map(|p| (p.pointer.as_str(), p.code.as_ref())).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("/parameters", "missing-parameter"),
            ("/parameters/approvers", "bad-value"),
            ("/parameters/decision_time", "bad-duration"),
            ("/parameters/notify/0", "expression-in-parameter"),
            ("/parameters/payment_url", "bad-value"),
            ("/parameters/quorum", "wrong-type"),
            ("/parameters/threshold", "bad-value"),
            ("/parameters/wat", "unknown-parameter"),
        ]
    );
    assert!(template("invoice-approval").unwrap().instantiate("mine", &json!([1])).is_err());
}

#[test]
fn a_parameter_never_becomes_code() {
    let parameters = json!({
        "payment_url": "https://bank.example/' & $eval('1') & '",
        "ledger_url": "https://ledger.example/\" & $states.context.Task.Token & \"",
    });
    let instance = template("invoice-approval").unwrap().instantiate("mine", &parameters).unwrap();
    let release = instance.definition.pointer("/steps/reserve/compensate/with/url").unwrap();
    assert_eq!(
        release,
        r#"{% ($ledger_url := "https://ledger.example/\" & $states.context.Task.Token & \""; $ledger_url & '/' & $execution.id) %}"#
    );
    let document = parse(&instance.text, Format::Json).unwrap();
    assert_eq!(check(&document, Catalogue::embedded()), []);
}
