//! `toss deploy`: builds the Lambda binaries and hands the template to `sam deploy`.

use std::{
    fmt::Write as _,
    process::{Command, ExitCode},
};

use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::{arguments::Deploy, failure::Failure};

/// The trust groups' packages: each becomes one binary.
const PACKAGES: [&str; 4] =
    ["toss-functions-api", "toss-functions-activities", "toss-functions-egress", "toss-functions-workers"];

pub(super) fn run(arguments: &Deploy, json: bool) -> Result<ExitCode, Failure> {
    if !std::path::Path::new("template.yaml").exists() {
        return Err(Failure::Usage(
            "run this in a checkout of the project: template.yaml is not here".into(),
        ));
    }
    #[expect(clippy::disallowed_methods, reason = "the operator's key is an argument of this command")]
    let key = std::env::var("TOSS_OPERATOR_KEY").map_err(|_| {
        Failure::Usage("set TOSS_OPERATOR_KEY to the operator's key, 32 random characters or more".into())
    })?;
    if key.len() < 32 {
        return Err(Failure::Usage(
            "TOSS_OPERATOR_KEY is too short: use 32 random characters or more".into(),
        ));
    }
    let commands = commands(arguments, &sha256(&key));
    if arguments.dry_run {
        let lines: Vec<String> = commands.iter().map(|command| line(command)).collect();
        if json {
            println!("{}", json!({ "commands": lines }));
        } else {
            lines.iter().for_each(|line| println!("{line}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    for words in commands {
        let Some((program, rest)) = words.split_first() else { continue };
        let status = Command::new(program)
            .args(rest)
            .env("SAM_CLI_TELEMETRY", "0")
            .status()
            .map_err(|source| Failure::File { path: format!("{program} (see `toss doctor`)"), source })?;
        if !status.success() {
            return Err(Failure::Broken(format!("{program} failed; what it said stands above")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn commands(arguments: &Deploy, operator_key_sha256: &str) -> Vec<Vec<String>> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut build = words("cargo lambda build --profile lambda --arm64 --lambda-dir target/lambda");
    build.extend(PACKAGES.iter().flat_map(|package| ["--package".to_owned(), (*package).to_owned()]));
    let mut deploy = words(
        "sam deploy --template-file template.yaml --resolve-s3 --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset",
    );
    deploy.extend(["--stack-name".into(), arguments.stack_name.clone(), "--parameter-overrides".into()]);
    deploy.push(format!("Environment={}", arguments.environment));
    deploy.push(format!("OperatorKeySha256={operator_key_sha256}"));
    vec![build, deploy]
}

fn line(words: &[String]) -> String {
    words.iter().fold(String::new(), |mut line, word| {
        let separator = if line.is_empty() { "" } else { " " };
        let _ = write!(line, "{separator}{word}");
        line
    })
}

/// What the functions are told of the operator's key, in hexadecimal.
fn sha256(key: &str) -> String {
    digest(&SHA256, key.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
