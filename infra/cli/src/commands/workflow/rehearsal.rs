//! `toss workflow test`: a definition against mocked results, without a tenant, on a virtual clock.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};
use toss_workflow::{Catalogue, Document, Format, Rehearsal, Report, compile, rehearse, unreached};

use super::{preview_target, read_json};
use crate::{commands::read, failure::Failure};

/// Runs each rehearsal of the mocks' file; exit 0 only if all came out as expected.
pub(super) fn run(
    document: &Document,
    mocks: &Path,
    input: Option<&PathBuf>,
    json: bool,
) -> Result<ExitCode, Failure> {
    let mut rehearsals = rehearsals(mocks)?;
    if let Some(path) = input {
        let input = read_json(path)?;
        rehearsals.iter_mut().for_each(|rehearsal| rehearsal.input = input.clone());
    }
    let catalogue = Catalogue::embedded();
    let broken = |error: toss_workflow::CompileError| Failure::Broken(error.to_string());
    let compiled = compile(document, catalogue, &preview_target()).map_err(broken)?;
    let reports: Vec<Report> = rehearsals
        .iter()
        .map(|rehearsal| rehearse(document, catalogue, rehearsal).map_err(broken))
        .collect::<Result<_, _>>()?;
    let unreached = unreached(&compiled, &reports);
    let failed = reports.iter().filter(|report| !report.differences.is_empty()).count();
    if json {
        println!("{}", json!({ "ok": failed == 0, "runs": reports, "unreached": unreached }));
    } else {
        for (number, (rehearsal, report)) in rehearsals.iter().zip(&reports).enumerate() {
            tell(number, rehearsal, report);
        }
        if !unreached.is_empty() {
            println!("not reached by any run: {}", unreached.join(", "));
        }
        println!("{} passed, {failed} failed", reports.len() - failed);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(number: usize, rehearsal: &Rehearsal, report: &Report) {
    let name = if rehearsal.name.is_empty() { format!("run {}", number + 1) } else { rehearsal.name.clone() };
    let mark = if report.differences.is_empty() { "ok" } else { "FAILED" };
    println!("{mark}  {name}: {} after {} s, by {}", report.status, report.seconds, report.path.join(" > "));
    if let Some(output) = &report.output {
        println!("      output {output}");
    }
    if let Some(error) = &report.error {
        println!("      error {error}: {}", report.cause.as_deref().unwrap_or_default());
    }
    report.differences.iter().for_each(|difference| println!("      {difference}"));
}

/// The rehearsals of a file: one, a list of them, or just what each step answers.
fn rehearsals(path: &Path) -> Result<Vec<Rehearsal>, Failure> {
    let usage = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let document = toss_workflow::parse(&read(path)?, Format::Yaml).map_err(|problems| {
        usage(problems.first().map(|problem| problem.message.clone()).unwrap_or_default())
    })?;
    let value = match document.value().clone() {
        Value::Array(runs) => runs,
        Value::Object(members) if members.contains_key("mocks") || members.contains_key("expect") => {
            vec![Value::Object(members)]
        }
        answers => vec![json!({ "mocks": answers })],
    };
    let rehearsal = |value| serde_json::from_value(value).map_err(|error| usage(error.to_string()));
    value.into_iter().map(rehearsal).collect()
}
