//! `toss workflow`: definitions, without a platform or on one.

mod rehearsal;

use std::{path::Path, process::ExitCode, time::Duration};

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report, Severity};
use serde_json::{Value, json};
use toss_workflow::{Catalogue, CompileTarget, Document, Format, Problem};

use super::read;
use crate::{
    api::Api,
    arguments::{Remote, Workflow},
    failure::Failure,
};

pub(super) async fn run(command: Workflow, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Workflow::Validate { file } => validate(&file, json),
        Workflow::Compile { file } => match checked(&file)? {
            Checked::Sound(document) => compile(&document, json),
            Checked::Unsound { text, problems } => Ok(tell(&file, &text, &problems, json)),
        },
        Workflow::Graph { file } => match checked(&file)? {
            Checked::Sound(document) => {
                println!("{}", toss_workflow::graph(&document));
                Ok(ExitCode::SUCCESS)
            }
            Checked::Unsound { text, problems } => Ok(tell(&file, &text, &problems, json)),
        },
        Workflow::Test { file, mocks, input } => match checked(&file)? {
            Checked::Sound(document) => rehearsal::run(&document, &mocks, input.as_ref(), json),
            Checked::Unsound { text, problems } => Ok(tell(&file, &text, &problems, json)),
        },
        Workflow::Run { file, input, wait, remote } => {
            start(&file, input.as_deref(), wait, &remote, json).await
        }
    }
}

/// A client for the API that the arguments name.
pub(super) fn api(remote: &Remote) -> Result<Api, Failure> {
    let key = remote
        .key
        .as_deref()
        .ok_or_else(|| Failure::Usage("give an API key with --key or TOSS_API_KEY".into()))?;
    Api::new(&remote.url, key)
}

enum Checked {
    Sound(Box<Document>),
    Unsound { text: String, problems: Vec<Problem> },
}

fn checked(file: &Path) -> Result<Checked, Failure> {
    let text = read(file)?;
    let format = if file.extension().is_some_and(|extension| extension == "json") {
        Format::Json
    } else {
        Format::Yaml
    };
    let document = match toss_workflow::parse(&text, format) {
        Ok(document) => document,
        Err(problems) => return Ok(Checked::Unsound { text, problems }),
    };
    let problems = toss_workflow::check(&document, Catalogue::embedded());
    Ok(if problems.is_empty() {
        Checked::Sound(Box::new(document))
    } else {
        Checked::Unsound { text, problems }
    })
}

fn validate(file: &Path, json: bool) -> Result<ExitCode, Failure> {
    match checked(file)? {
        Checked::Sound(_) if json => println!("{}", json!({ "valid": true, "problems": [] })),
        Checked::Sound(_) => println!("{} is valid", file.display()),
        Checked::Unsound { text, problems } => return Ok(tell(file, &text, &problems, json)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows each problem at its place in the file.
fn tell(file: &Path, text: &str, problems: &[Problem], json: bool) -> ExitCode {
    if json {
        println!("{}", json!({ "valid": false, "problems": problems }));
        return ExitCode::FAILURE;
    }
    for problem in problems {
        let mut diagnostic = MietteDiagnostic::new(problem.message.clone())
            .with_code(problem.code.to_string())
            .with_severity(Severity::Error);
        if let Some((start, length)) = span(text, problem) {
            diagnostic =
                diagnostic.with_label(LabeledSpan::new(Some(problem.pointer.clone()), start, length));
        } else if !problem.pointer.is_empty() {
            diagnostic = diagnostic.with_help(format!("at {}", problem.pointer));
        }
        let source = NamedSource::new(file.display().to_string(), text.to_owned());
        eprintln!("{:?}", Report::new(diagnostic).with_source_code(source));
    }
    eprintln!("{} problem{}", problems.len(), if problems.len() == 1 { "" } else { "s" });
    ExitCode::FAILURE
}

/// Where a problem's line and column are in the text, in bytes, up to the end of the line.
fn span(text: &str, problem: &Problem) -> Option<(usize, usize)> {
    let (line, column) = (usize::try_from(problem.line).ok()?, usize::try_from(problem.column).ok()?);
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let offset = content.char_indices().nth(column.saturating_sub(1)).map_or(0, |(offset, _)| offset);
            return Some((start + offset, content.trim_end().len().saturating_sub(offset).max(1)));
        }
        start += content.len();
    }
    None
}

/// Ids as a tenant's would be: what is shown is what would be created.
fn preview_target() -> CompileTarget {
    CompileTarget {
        tenant: "ten_00000000000000000000000000".into(),
        workflow_id: "wf_00000000000000000000000000".into(),
        name: "preview".into(),
        version: 1,
        function_prefix: "toss".into(),
    }
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Failure::Usage(format!("{} is not JSON: {error}", path.display())))
}

fn compile(document: &Document, json: bool) -> Result<ExitCode, Failure> {
    let compiled = toss_workflow::compile(document, Catalogue::embedded(), &preview_target())
        .map_err(|error| Failure::Broken(error.to_string()))?;
    let definition = &compiled.asl;
    if json {
        println!("{definition}");
    } else {
        println!("{}", serde_json::to_string_pretty(definition).unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

async fn start(
    file: &Path,
    input: Option<&Path>,
    wait: u64,
    remote: &Remote,
    json: bool,
) -> Result<ExitCode, Failure> {
    let api = api(remote)?;
    let input: Value = match input {
        Some(path) => read_json(path)?,
        None => json!({}),
    };
    let workflow = api.post_yaml("/v1/workflows", read(file)?).await?;
    let name = workflow["name"].as_str().unwrap_or_default();
    let started = api.post(&format!("/v1/workflows/{name}/executions"), &json!({ "input": input })).await?;
    let id = started["id"].as_str().unwrap_or_default().to_owned();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait);
    let mut pause = Duration::from_millis(20);
    loop {
        let execution = api.get(&format!("/v1/executions/{id}")).await?;
        let status = execution["status"].as_str().unwrap_or_default();
        if status != "running" || tokio::time::Instant::now() >= deadline {
            println!(
                "{}",
                if json {
                    execution.to_string()
                } else {
                    serde_json::to_string_pretty(&execution).unwrap_or_default()
                }
            );
            return Ok(if status == "succeeded" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
