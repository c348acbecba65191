//! What an owner says of an endpoint: which events it takes and what it is for.

use std::collections::BTreeSet;

use serde_json::json;
use toss_delivery::webhook::EventType;
use toss_runtime::api::Problem;

use crate::checks::Checks;

/// Checks the names of event types; answers whether one is unknown.
pub(super) fn check_events(checks: &mut Checks, events: &[String]) -> bool {
    checks.require(events.len() <= 100, "/events", "too-many", "may hold 100 event types at most");
    let mut unknown = false;
    for (place, name) in events.iter().take(100).enumerate() {
        if name.parse::<EventType>().is_err() {
            let shown: String = name.chars().take(64).collect();
            let message = format!("there is no event type '{shown}'; 'event_types' lists them");
            checks.refuse(&format!("/events/{place}"), "unknown-event-type", message);
            unknown = true;
        }
    }
    unknown
}

/// Checks a text for people.
pub(super) fn check_description(checks: &mut Checks, description: Option<&str>) {
    let good = |text: &str| text.chars().count() <= 500 && !text.chars().any(|c| c.is_control() && c != '\n');
    let message = "must have 500 characters at most, and no control characters";
    checks.require(description.is_none_or(good), "/description", "text", message);
}

/// The refusal, if anything is wrong; it lists the event types when one was unknown.
pub(super) fn done(checks: Checks, unknown_events: bool) -> Result<(), Problem> {
    checks.done().map_err(|problem| {
        let names = || EventType::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>();
        if unknown_events { problem.with_member("event_types", json!(names())) } else { problem }
    })
}

/// The names, each once.
pub(super) fn without_repeats(events: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    events.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}
