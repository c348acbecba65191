//! How the command speaks: colour and bars on a terminal, plain text in pipes, one JSON document with `--json`.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::{OwoColorize as _, Stream};

use crate::arguments::{Arguments, Command};

/// Sends logs to the standard error: all of them for `up`, warnings for the rest.
pub(crate) fn install(arguments: &Arguments) {
    let default = if matches!(arguments.command, Command::Up(_)) { "info" } else { "error" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOSS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
}

/// Tells how a list of steps goes.
pub(crate) struct Progress {
    quiet: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For so many steps; silent when the answer is one JSON document.
    pub(crate) fn new(steps: u64, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(steps);
            if let Ok(style) =
                ProgressStyle::with_template("{bar:24.green/black} {pos}/{len} {spinner} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(80));
            bar
        });
        Self { quiet, bar }
    }

    /// A step begins.
    pub(crate) fn begin(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// The step held.
    pub(crate) fn done(&self, what: &str, detail: &str) {
        let mark = "ok".if_supports_color(Stream::Stdout, |text| text.green()).to_string();
        self.line(&format!("{mark}  {what}{}{detail}", if detail.is_empty() { "" } else { ": " }));
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// The step did not hold.
    pub(crate) fn failed(&self, what: &str, why: &str) {
        let mark = "FAILED".if_supports_color(Stream::Stdout, |text| text.red()).to_string();
        self.line(&format!("{mark}  {what}: {why}"));
    }

    /// All is done.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None if self.quiet => {}
            None => println!("{text}"),
        }
    }
}
