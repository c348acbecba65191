//! The conformance runner: recorded cases in, a count per category out.

mod compare;
mod engine;
mod execution;
mod functions;
mod stage;
mod state_tests;
mod validation;
mod world;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What to run and how closely to look.
#[derive(Debug)]
pub(crate) struct Options {
    /// The folder with the case files.
    pub(crate) folder: String,
    /// 1: status and output or error. 2: the cause too. 3: the types of events too. 4: the whole history.
    pub(crate) level: u8,
    /// Whether to tell what differs.
    pub(crate) verbose: bool,
    /// Whether recorded answers stand for services that the runner does not have.
    pub(crate) replay: bool,
    /// Whether the durable engine runs the cases, through its protocol.
    pub(crate) engine: bool,
    /// Only cases whose name contains this.
    pub(crate) only: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { folder: String::new(), level: 1, verbose: false, replay: false, engine: false, only: None }
    }
}

/// What became of a case.
pub(crate) enum Verdict {
    Passed,
    Failed(String),
    /// It needs something that the runner does not have.
    Skipped,
}

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    categories: BTreeMap<String, Counts>,
    failures: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    /// How many cases failed.
    pub(crate) fn failed(&self) -> usize {
        self.categories.values().map(|counts| counts.failed).sum()
    }

    fn add(&mut self, category: &str, name: &str, verdict: Verdict) {
        let counts = self.categories.entry(category.to_owned()).or_default();
        match verdict {
            Verdict::Passed => counts.passed += 1,
            Verdict::Skipped => counts.skipped += 1,
            Verdict::Failed(reason) => {
                counts.failed += 1;
                self.failures.push(format!("{category}: {name}\n    {reason}"));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        let mut total = Counts::default();
        for (category, counts) in &self.categories {
            writeln!(
                f,
                "{category:<32} {:>5} passed {:>5} failed {:>5} skipped",
                counts.passed, counts.failed, counts.skipped
            )?;
            total.passed += counts.passed;
            total.failed += counts.failed;
        }
        write!(f, "{} passed, {} failed", total.passed, total.failed)
    }
}

/// Runs every case file of a folder.
pub(crate) fn run_folder(options: &Options) -> Result<Report, String> {
    let entries = std::fs::read_dir(Path::new(&options.folder))
        .map_err(|error| format!("{} cannot be read: {error}", options.folder))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let category = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let found: Vec<Value> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let wanted = |case: &Value| {
            options.only.as_ref().is_none_or(|only| name_of(case).contains(only) || category.contains(only))
        };
        cases.extend(found.into_iter().filter(wanted).map(|case| (category.clone(), case)));
    }
    let how = (options.level, options.replay);
    let verdicts = if options.engine {
        engine::run_all(&cases, how)?
    } else {
        cases.iter().map(|(category, case)| run_case(category, case, how)).collect()
    };
    let mut report = Report::default();
    for ((category, case), verdict) in cases.iter().zip(verdicts) {
        report.add(category, name_of(case), verdict);
    }
    if !options.verbose {
        for failure in &mut report.failures {
            let shown: String = failure.chars().take(300).collect();
            *failure = shown;
        }
    }
    Ok(report)
}

fn name_of(case: &Value) -> &str {
    case["name"].as_str().unwrap_or("without a name")
}

/// Whether a case needs nothing but the items in its own objects.
fn reads_items(case: &Value) -> bool {
    let definition = case["definition"].to_string();
    case["tier"] == "s3" && definition.contains("\"ItemReader\"") && !definition.contains("\"ResultWriter\"")
}

/// A case's shape tells what is to be done with it.
pub(crate) fn run_case(category: &str, case: &Value, (level, replay): (u8, bool)) -> Verdict {
    if case.get("request").is_some() {
        state_tests::run(case)
    } else if case.get("api").is_some() {
        validation::run_api(case)
    } else if case.get("valid").is_some() {
        validation::run_validity(category, case)
    } else if case["self_contained"] == Value::Bool(true) || reads_items(case) {
        execution::run(case, level, false)
    } else if replay && case.get("expected_history").is_some() {
        execution::run(case, level, true)
    } else {
        Verdict::Skipped
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Verdict, run_case, run_folder};
    use serde_json::{Value, json};

    fn case(output: &Value) -> Value {
        json!({
            "name": "a sum", "machine_type": "STANDARD", "self_contained": true,
            "definition": { "StartAt": "Add", "States": { "Add": {
                "Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.a + 1 %}", "End": true } } },
            "input_text": "{\"a\": 1}",
            "expected": { "status": "SUCCEEDED", "output": output }
        })
    }

    #[test]
    fn a_right_expectation_passes_and_a_changed_one_fails() {
        assert!(matches!(run_case("sums", &case(&json!(2)), (1, false)), Verdict::Passed));
        assert!(matches!(run_case("sums", &case(&json!(3)), (1, false)), Verdict::Failed(_)));
    }

    #[test]
    fn the_recorded_cases_pass_where_they_are_at_hand() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/asl-cases");
        if !std::path::Path::new(folder).is_dir() {
            return;
        }
        let report = run_folder(&Options { folder: folder.to_owned(), ..Options::default() }).unwrap();
        for category in ["base", "choice-operators", "intrinsic-functions", "map", "parallel", "wait"] {
            assert_eq!(report.categories.get(category).map(|counts| counts.failed), Some(0), "{report}");
        }
    }
}
