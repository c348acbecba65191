//! The `toss` command: the platform on one machine, workflows, tasks, the audit log, deployment.
//!
//! [`arguments`] defines the command line, [`commands`] has one module for each command, [`demo`] is the main
//! job from nothing to a verified audit log. Exit codes: 0 done, 1 it did not hold or was refused, 2 the
//! command line is wrong.

mod api;
mod arguments;
mod commands;
mod demo;
mod embedded;
mod failure;
mod platform;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

/// More than there are cores: a tenant's expression may compute for its whole time limit, and others go on meanwhile.
const WORKERS: usize = 16;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    terminal::install(&arguments);
    let json = arguments.json;
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failure::Failure::from(error).report(json),
        };
    let outcome = runtime.block_on(commands::run(arguments));
    // What still runs in the background has nothing left to lose: every acknowledged write is on disk.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
