//! One module for each command.

mod audit;
mod deploy;
mod doctor;
mod task;
mod up;
mod workflow;

use std::{path::Path, process::ExitCode};

use crate::{
    arguments::{Arguments, Command},
    demo,
    failure::Failure,
};

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let json = arguments.json;
    match arguments.command {
        Command::Demo(arguments) => demo::run(arguments, json).await,
        Command::Up(arguments) => up::run(arguments, json).await,
        Command::Workflow(command) => workflow::run(command, json).await,
        Command::Task(command) => task::run(command, json).await,
        Command::Audit(command) => audit::run(command, json),
        Command::Deploy(arguments) => deploy::run(&arguments, json),
        Command::Doctor => Ok(doctor::run(json)),
    }
}

/// A file's text; `-` is the standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|source| Failure::File { path: path.display().to_string(), source })
}
