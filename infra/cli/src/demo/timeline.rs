//! What happened and when, told while it happens and at the end.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use comfy_table::{Table, presets::NOTHING};
use serde_json::{Map, Value, json};

use crate::{failure::Failure, terminal::Progress};

/// The demo while it runs.
pub(super) struct Story {
    started: Instant,
    progress: Progress,
    steps: Vec<Step>,
    facts: Map<String, Value>,
}

struct Step {
    name: &'static str,
    detail: String,
    at: Duration,
    took: Duration,
}

impl Story {
    pub(super) fn new(started: Instant, progress: Progress) -> Self {
        Self { started, progress, steps: Vec::new(), facts: Map::new() }
    }

    /// Does one step: what it answers is kept, its detail told.
    pub(super) async fn step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Result<T, Failure> {
        self.progress.begin(name);
        let began = Instant::now();
        match work.await {
            Ok((value, detail)) => {
                self.progress.done(name, &detail);
                let (at, took) = (began.duration_since(self.started), began.elapsed());
                self.steps.push(Step { name, detail, at, took });
                Ok(value)
            }
            Err(failure) => {
                self.progress.failed(name, &failure.to_string());
                Err(failure)
            }
        }
    }

    /// Keeps something for the report.
    pub(super) fn fact(&mut self, name: &str, value: Value) {
        self.facts.insert(name.to_owned(), value);
    }

    pub(super) fn finish(&self) {
        self.progress.finish();
    }

    pub(super) fn report(self, data: &Path, failure: Option<&Failure>) -> Report {
        let took = self.started.elapsed();
        let data = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned()).display().to_string();
        Report { steps: self.steps, facts: self.facts, took, data, failure: failure.map(ToString::to_string) }
    }
}

/// The demo when it is over.
pub(super) struct Report {
    steps: Vec<Step>,
    facts: Map<String, Value>,
    took: Duration,
    data: String,
    failure: Option<String>,
}

impl Report {
    /// One JSON document.
    pub(super) fn document(&self) -> Value {
        let milliseconds = |duration: Duration| (duration.as_secs_f64() * 1e3).round();
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                json!({ "step": step.name, "detail": step.detail, "at_ms": milliseconds(step.at), "took_ms": milliseconds(step.took), "ok": true })
            })
            .collect();
        json!({
            "ok": self.failure.is_none(),
            "error": self.failure,
            "steps": steps,
            "facts": self.facts,
            "took_ms": milliseconds(self.took),
            "data": self.data,
        })
    }

    /// The timeline for people.
    pub(super) fn print(&self) {
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header(["AT", "TOOK", "WHAT HAPPENED"]);
        for step in &self.steps {
            table.add_row([
                format!("{:>6.0} ms", step.at.as_secs_f64() * 1e3),
                format!("{:>5.0} ms", step.took.as_secs_f64() * 1e3),
                format!("{}{}{}", step.name, if step.detail.is_empty() { "" } else { ": " }, step.detail),
            ]);
        }
        println!("\n{table}\n");
        for (name, value) in &self.facts {
            println!("{name:<12} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        println!("{:<12} {}", "data", self.data);
        match &self.failure {
            None => println!("\nEvery step held, in {:.1} s.", self.took.as_secs_f64()),
            Some(failure) => println!("\nIt did not hold: {failure}"),
        }
    }
}
