//! `toss doctor`: what this machine has and lacks.

use std::process::{Command, ExitCode, Stdio};

use comfy_table::{Table, presets::NOTHING};
use serde_json::json;

struct Tool {
    command: &'static str,
    argument: &'static str,
    needed_for: &'static str,
    get_it: &'static str,
}

const TOOLS: [Tool; 4] = [
    Tool { command: "cargo", argument: "--version", needed_for: "building", get_it: "https://rustup.rs" },
    Tool {
        command: "cargo-lambda",
        argument: "--version",
        needed_for: "deploying: builds the arm64 binaries",
        get_it: "python3 -m pip install cargo-lambda ziglang",
    },
    Tool {
        command: "sam",
        argument: "--version",
        needed_for: "deploying",
        get_it: "python3 -m pip install aws-sam-cli",
    },
    Tool {
        command: "aws",
        argument: "--version",
        needed_for: "looking into the local services and the account",
        get_it: "python3 -m pip install awscli",
    },
];

/// Tells what there is. What is missing for deploying is no failure: running needs none of it.
pub(super) fn run(json: bool) -> ExitCode {
    let found: Vec<(&Tool, Option<String>)> = TOOLS.iter().map(|tool| (tool, version(tool))).collect();
    if json {
        let tools: Vec<_> = found
            .iter()
            .map(|(tool, version)| json!({ "tool": tool.command, "version": version, "needed_for": tool.needed_for }))
            .collect();
        println!("{}", json!({ "tools": tools }));
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(["TOOL", "FOUND", "NEEDED FOR", "GET IT"]);
    for (tool, version) in found {
        let get_it = if version.is_some() { "" } else { tool.get_it };
        table.add_row([tool.command, version.as_deref().unwrap_or("no"), tool.needed_for, get_it]);
    }
    println!("{table}");
    println!("Running the platform here needs none of these but cargo, and that only to build.");
    ExitCode::SUCCESS
}

fn version(tool: &Tool) -> Option<String> {
    let output = Command::new(tool.command).arg(tool.argument).stdin(Stdio::null()).output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
}
