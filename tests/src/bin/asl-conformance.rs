//! Runs recorded cases of the States Language and compares what comes out with what AWS answered: in memory, or with
//! `--engine` through the Step Functions protocol of the durable engine, in real time.
//!
//! `cargo run --release -p toss-tests --bin asl-conformance -- DIR [--level 1..4] [--verbose] [--replay] [--engine] [--only TEXT]`

#[path = "../conformance/mod.rs"]
mod conformance;

use conformance::{Options, run_folder};
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str =
    "usage: asl-conformance DIR [--level 1..4] [--verbose] [--replay] [--engine] [--only TEXT]";

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run_folder(&options) {
        Ok(report) => {
            // A reader that has seen enough may close the pipe.
            let _ = writeln!(std::io::stdout(), "{report}");
            ExitCode::from(u8::from(report.failed() > 0))
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--level" => {
                let level = arguments.next().and_then(|level| level.parse().ok());
                options.level = level
                    .filter(|level| (1..=4).contains(level))
                    .ok_or("--level takes a number from 1 to 4")?;
            }
            "--verbose" => options.verbose = true,
            "--replay" => options.replay = true,
            "--engine" => options.engine = true,
            "--only" => options.only = Some(arguments.next().ok_or("--only takes a part of a case's name")?),
            folder if options.folder.is_empty() && !folder.starts_with('-') => {
                options.folder = folder.to_owned();
            }
            other => return Err(format!("{other} is not understood")),
        }
    }
    if options.folder.is_empty() { Err("Name the folder with the cases.".to_owned()) } else { Ok(options) }
}
