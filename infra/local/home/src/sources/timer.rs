//! The template's schedules, which fire at once for what they missed while the home was away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_kernel::Clock;

use super::{Deferred, Timetable};
use crate::listen::Closing;
use crate::services::request_id;
use crate::template::ACCOUNT;
use crate::template::model::Schedule;

/// The schedules of a home.
pub(crate) struct Timers {
    entries: Vec<Entry>,
    deferred: Deferred,
    clock: Arc<dyn Clock>,
    region: String,
    file: PathBuf,
}

struct Entry {
    schedule: Schedule,
    timetable: Timetable,
    last: Timestamp,
}

impl Timers {
    /// The schedules of a template, with the last firings that a file remembers.
    pub(crate) fn new(
        schedules: Vec<Schedule>,
        deferred: Deferred,
        clock: Arc<dyn Clock>,
        region: &str,
        file: &Path,
    ) -> Self {
        let remembered: BTreeMap<String, Timestamp> =
            std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let now = clock.now();
        let entries = schedules
            .into_iter()
            .filter_map(|schedule| {
                // The template was checked when it was read.
                let timetable = Timetable::parse(&schedule.expression).ok()?;
                let last = remembered.get(&schedule.name).copied().unwrap_or(now).min(now);
                Some(Entry { schedule, timetable, last })
            })
            .collect();
        Self { entries, deferred, clock, region: region.to_owned(), file: file.to_owned() }
    }

    /// Fires what is due until the home closes.
    pub(crate) async fn run(mut self, mut closing: Closing) {
        self.remember();
        loop {
            let now = self.clock.now();
            let next = self.fire_due(now).await;
            // The clock may be set while this sleeps, so it never sleeps long.
            let pause = next.map_or(Duration::from_secs(60), |next| {
                Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default()
            });
            tokio::select! {
                () = tokio::time::sleep(pause.min(Duration::from_secs(60))) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Fires what is due, once for however many firings were missed; answers when the next one is.
    async fn fire_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut fired = false;
        let mut earliest: Option<Timestamp> = None;
        for entry in &mut self.entries {
            let mut next = entry.timetable.next_after(entry.last);
            if let Some(due) = next.filter(|due| *due <= now) {
                let event = event(&entry.schedule, due, &self.region);
                match self.deferred.invoke(&entry.schedule.target.function, &event).await {
                    Ok(()) => {
                        entry.last = latest_due(&entry.timetable, due, now);
                        fired = true;
                        next = entry.timetable.next_after(entry.last);
                    }
                    Err(error) => {
                        tracing::error!(schedule = %entry.schedule.name, %error, "a schedule could not fire");
                        next = now.checked_add(jiff::SignedDuration::from_secs(1)).ok();
                    }
                }
            }
            earliest = earliest.into_iter().chain(next).min();
        }
        if fired {
            self.remember();
        }
        earliest
    }

    /// Writes the last firings down. Losing the newest means firing once more, which timers must bear anyway.
    fn remember(&self) {
        let last: BTreeMap<&str, Timestamp> =
            self.entries.iter().map(|entry| (entry.schedule.name.as_str(), entry.last)).collect();
        if let Err(error) = super::stream::replace(&self.file, json!(last).to_string().as_bytes()) {
            tracing::error!(file = %self.file.display(), %error, "the last firings of timers cannot be kept");
        }
    }
}

/// The last firing that is due by now, so that missed ones are not made up for one by one.
fn latest_due(timetable: &Timetable, first: Timestamp, now: Timestamp) -> Timestamp {
    /// More missed firings than this are not counted out; the next is then taken from now.
    const COUNTED: usize = 10_000;
    let mut last = first;
    for _ in 0..COUNTED {
        match timetable.next_after(last).filter(|next| *next <= now) {
            Some(next) => last = next,
            None => return last,
        }
    }
    now
}

/// What the function gets: the template's input, or the event of EventBridge or of its scheduler.
fn event(schedule: &Schedule, due: Timestamp, region: &str) -> Value {
    if let Some(input) = &schedule.target.input {
        return input.clone();
    }
    let (source, resource) = if schedule.rule {
        ("aws.events", format!("arn:aws:events:{region}:{ACCOUNT}:rule/{}", schedule.name))
    } else {
        ("aws.scheduler", format!("arn:aws:scheduler:{region}:{ACCOUNT}:schedule/default/{}", schedule.name))
    };
    json!({
        "version": "0",
        "id": request_id(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT,
        "time": due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": region,
        "resources": [resource],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_missed_firings_are_made_up_for_once() {
        let timetable = Timetable::parse("rate(1 minute)").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let last = latest_due(&timetable, at("2026-11-22T10:00:00Z"), at("2026-11-22T12:30:30Z"));
        assert_eq!(last, at("2026-11-22T12:30:00Z"));
    }
}
