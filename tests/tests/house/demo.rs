//! The main job: `toss demo`, in both ways of running functions.

use std::path::Path;

use serde_json::Value;

use crate::support::binaries;

/// Runs the demo in an empty folder and answers its report.
fn demo(folder: &Path, options: &[&str]) -> Value {
    let arguments: Vec<&str> = ["demo", "--json"].into_iter().chain(options.iter().copied()).collect();
    let output = binaries::run(folder, &arguments);
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}\n{errors}");
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("not one JSON document ({error}): {told}"))
}

fn every_step_held(report: &Value) {
    assert_eq!(report["ok"], true, "{report}");
    let steps = report["steps"].as_array().expect("steps");
    assert!(steps.len() >= 14, "{report}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{report}");
    assert!(report["facts"]["log root"].is_string(), "{report}");
}

#[test]
fn the_demo_goes_from_nothing_to_a_verified_audit_log() {
    let folder = tempfile::tempdir().unwrap();
    let report = demo(folder.path(), &[]);
    every_step_held(&report);
    let data = Path::new(report["data"].as_str().expect("where the data lies"));
    assert!(std::fs::read_dir(data).unwrap().next().is_some(), "the data stays for who wants to look");
}

#[test]
fn the_demo_passes_with_the_lambda_binaries_too() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = binaries::folder().to_str().expect("a path in UTF-8");
    every_step_held(&demo(folder.path(), &["--lambda-binaries", binaries]));
}

#[test]
fn the_demo_refuses_a_folder_with_something_in_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "the only copy").unwrap();
    let output = binaries::run(folder.path(), &["demo", "--json", "--data", "."]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.txt"]);
}
