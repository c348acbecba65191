//! The main job, done through the public HTTP API only: what a customer does on the first day.
//!
//! [`scenario`] is the story, [`receiver`] the outside world that it calls, [`timeline`] what is told at the end.

mod checks;
mod receiver;
mod scenario;
mod timeline;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use crate::{arguments::Demo, failure::Failure, platform, terminal::Progress};

/// Runs the demo; exit 0 only if every step held.
pub(crate) async fn run(arguments: Demo, json: bool) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let data = empty_folder(arguments.data)?;
    let receiver = receiver::Receiver::start().await?;
    let progress = Progress::new(scenario::STEPS, json);
    progress.begin("starting the platform");
    let home = platform::start(platform::Settings {
        data: data.clone(),
        listen: ([127, 0, 0, 1], 0).into(),
        aws_listen: ([127, 0, 0, 1], 0).into(),
        lambda_binaries: arguments.lambda_binaries,
        allow_outbound: vec![receiver.address().to_string()],
        operator_key: None,
    })
    .await?;
    let mut story = timeline::Story::new(started, progress);
    let outcome = scenario::play(&mut story, &home, &receiver).await;
    story.finish();
    home.shutdown().await;
    let report = story.report(&data, outcome.as_ref().err());
    if json {
        println!("{}", report.document());
    } else {
        report.print();
    }
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder that was asked for, which must be empty, or a new one below `.toss`.
fn empty_folder(asked: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = match asked {
        Some(folder) => folder,
        None => {
            let name = jiff::Zoned::now().strftime("demo-%Y%m%d-%H%M%S").to_string();
            let base = PathBuf::from(".toss");
            // Two demos in one second are told apart by a number.
            (0_u32..)
                .map(|number| base.join(if number == 0 { name.clone() } else { format!("{name}-{number}") }))
                .find(|folder| !folder.exists())
                .unwrap_or(base)
        }
    };
    let file = |source| Failure::File { path: folder.display().to_string(), source };
    std::fs::create_dir_all(&folder).map_err(file)?;
    if std::fs::read_dir(&folder).map_err(file)?.next().is_some() {
        return Err(Failure::Usage(format!(
            "{} is not empty; the demo begins from nothing",
            folder.display()
        )));
    }
    Ok(folder)
}
