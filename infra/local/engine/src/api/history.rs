//! The history of an execution.

use std::sync::Arc;

use serde_json::{Value, json};
use toss_asl::HistoryEvent;
use toss_local_protocol::ServiceError;

use crate::core::Core;

use super::{
    Answer,
    errors::{internal, invalid_token},
    executions::{self, Found},
    input::Input,
    pages,
};

pub(super) async fn get(core: &Arc<Core>, input: &Input) -> Answer {
    let arn = input.required("executionArn", 256)?;
    let limit = input.max_results()?;
    let reversed = input.flag("reverseOrder")?.unwrap_or(false);
    let with_data = input.flag("includeExecutionData")?.unwrap_or(true);
    let after: Option<u64> = match pages::place(input.text("nextToken")?)? {
        Some(place) => Some(place.parse().map_err(|_| invalid_token())?),
        None => None,
    };
    let found = executions::find(core, arn)?;
    let events = events(core, &found)?;
    // What was read may be newer than what was found.
    let position = found.slot.as_ref().map_or(found.position, |slot| slot.lock().position);
    core.durable(position).await.map_err(internal)?;
    let rest: Box<dyn Iterator<Item = &HistoryEvent> + Send> = if reversed {
        Box::new(events.iter().rev().filter(|event| after.is_none_or(|after| event.id < after)))
    } else {
        Box::new(events.iter().filter(|event| after.is_none_or(|after| event.id > after)))
    };
    let page: Vec<&HistoryEvent> = rest.take(limit + 1).collect();
    let more = page.len() > limit;
    let shown: Vec<Value> = page.iter().take(limit).map(|event| event.to_api(with_data)).collect();
    let mut answer = json!({ "events": shown });
    if more && let Some(last) = page.get(limit - 1) {
        answer["nextToken"] = json!(pages::token(&last.id.to_string()));
    }
    Ok(answer)
}

/// All events: those of the archive, then those that it does not have yet.
fn events(core: &Core, found: &Found) -> Result<Vec<HistoryEvent>, ServiceError> {
    let Some(slot) = &found.slot else {
        return core.archive.history(found.profile.key).map_err(internal);
    };
    // In this order: events that the keeper moves meanwhile are then seen twice, never missed.
    let fresh = slot.lock().fresh.clone();
    let archived = found.standing.pieces > 0 || slot.lock().standing.pieces > 0;
    let mut events =
        if archived { core.archive.history(found.profile.key).map_err(internal)? } else { Vec::new() };
    let last = events.last().map_or(0, |event| event.id);
    let fresh = fresh.events().map_err(internal)?;
    events.extend(fresh.into_iter().filter(|event| event.id > last));
    Ok(events)
}
