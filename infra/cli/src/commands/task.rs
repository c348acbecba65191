//! `toss task`: tasks over the API.

use std::process::ExitCode;

use comfy_table::{Table, presets::NOTHING};
use serde_json::{Value, json};

use super::workflow::api;
use crate::{arguments::Task, failure::Failure};

pub(super) async fn run(command: Task, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Task::List { status, remote } => {
            let tasks = api(&remote)?.get(&format!("/v1/tasks?status={status}")).await?;
            if json {
                println!("{tasks}");
                return Ok(ExitCode::SUCCESS);
            }
            let mut table = Table::new();
            table.load_preset(NOTHING).set_header(["ID", "TITLE", "STEP", "ASSIGNEES", "DUE"]);
            for task in tasks["items"].as_array().into_iter().flatten() {
                table.add_row(["id", "title", "step", "assignees", "due_at"].map(|name| cell(&task[name])));
            }
            println!("{table}");
        }
        Task::Decide { id, decision, comment, on_behalf_of, remote } => {
            let mut body = json!({ "decision": decision });
            for (name, value) in [("comment", comment), ("as", on_behalf_of)] {
                if let Some(value) = value {
                    body[name] = json!(value);
                }
            }
            let task = api(&remote)?.post(&format!("/v1/tasks/{id}/decision"), &body).await?;
            if json {
                println!("{task}");
            } else {
                println!("{id} is {}", cell(&task["status"]));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A value as a table cell: text without quotes, lists with commas.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            members.get("name").or_else(|| members.get("group")).map(cell).unwrap_or_default()
        }
        other => other.to_string(),
    }
}
