//! The steps of an execution, made from its history.

use std::collections::HashMap;

use aws_sdk_sfn::types::HistoryEvent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use toss_store::executions::ExecutionStatus;

use super::live::time;

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepStatus {
    /// It is under way.
    Running,
    /// It came to its end.
    Succeeded,
    /// It failed; a `catch` may have led on from it.
    Failed,
    /// The execution ended before it did.
    Stopped,
}

/// One entry of a step. A step of a loop is entered many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct StepView {
    /// The step's name.
    pub(super) step: String,
    /// Whether this is the step's compensation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) compensation: bool,
    pub(super) status: StepStatus,
    /// How often its activity was called.
    pub(super) attempts: u32,
    pub(super) entered_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_at: Option<Timestamp>,
    /// The last error it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

struct Entry {
    state: String,
    /// None for states that no step wrote.
    view: Option<StepView>,
    around: Option<usize>,
}

/// The entries of steps in the order of the history. `states` tells which step a state was compiled from.
pub(super) fn of(
    events: &[HistoryEvent],
    states: &[(String, String)],
    status: ExecutionStatus,
) -> Vec<StepView> {
    let steps: HashMap<&str, &str> =
        states.iter().map(|(step, state)| (state.as_str(), step.as_str())).collect();
    let mut entries: Vec<Entry> = Vec::new();
    // Each event belongs to the entry that the event before it belongs to, until a state is entered or left.
    let mut places: HashMap<i64, Option<usize>> = HashMap::new();
    for event in events {
        let mut place = places.get(&event.previous_event_id).copied().flatten();
        if let Some(entered) = &event.state_entered_event_details {
            entries.push(Entry {
                state: entered.name.clone(),
                view: step(&steps, &entered.name).map(|(step, compensation)| StepView {
                    step: step.to_owned(),
                    compensation,
                    status: StepStatus::Running,
                    attempts: 0,
                    entered_at: time(&event.timestamp),
                    left_at: None,
                    error: None,
                }),
                around: place,
            });
            place = Some(entries.len() - 1);
        } else if let Some(exited) = &event.state_exited_event_details {
            place = leave(&mut entries, place, &exited.name, time(&event.timestamp));
        } else if let Some(view) =
            place.and_then(|place| entries.get_mut(place)).and_then(|entry| entry.view.as_mut())
        {
            if event.task_scheduled_event_details.is_some()
                || event.lambda_function_scheduled_event_details.is_some()
            {
                view.attempts += 1;
            }
            if event.task_succeeded_event_details.is_some() {
                // Attempts that failed before are over; `attempts` tells of them.
                view.error = None;
            } else if let Some(error) = error(event) {
                view.error = Some(error);
            }
        }
        places.insert(event.id, place);
    }
    entries.into_iter().filter_map(|entry| entry.view).map(|view| ended(view, status)).collect()
}

/// The step of a state, and whether the state is its compensation.
fn step<'s>(steps: &HashMap<&str, &'s str>, state: &'s str) -> Option<(&'s str, bool)> {
    if let Some(step) = steps.get(state) {
        return Some((step, false));
    }
    let undone = state.strip_prefix("Undo ")?;
    steps.values().find(|step| **step == undone).map(|step| (*step, true))
}

/// Closes the innermost open entry of this name, from here outwards; what follows belongs to what is around it.
fn leave(entries: &mut [Entry], from: Option<usize>, state: &str, at: Timestamp) -> Option<usize> {
    let mut place = from;
    while let Some(entry) = place.and_then(|place| entries.get(place)).filter(|entry| entry.state != state) {
        place = entry.around;
    }
    // The last branch or round of a state stands inside it, or beside it when it failed: look for it by name.
    let open =
        |entry: &Entry| entry.state == state && entry.view.as_ref().is_none_or(|view| view.left_at.is_none());
    let place = place.or_else(|| entries.iter().rposition(open))?;
    let entry = entries.get_mut(place)?;
    if let Some(view) = &mut entry.view {
        view.left_at = Some(at);
        view.status = if view.error.is_some() { StepStatus::Failed } else { StepStatus::Succeeded };
    }
    entry.around
}

/// A step that is still open when its execution has ended did not come to its end.
fn ended(mut view: StepView, status: ExecutionStatus) -> StepView {
    if view.status == StepStatus::Running && view.left_at.is_none() && status.has_ended() {
        view.status = if view.error.is_some() { StepStatus::Failed } else { StepStatus::Stopped };
    }
    view
}

fn error(event: &HistoryEvent) -> Option<String> {
    let unnamed = || "States.TaskFailed".to_owned();
    if let Some(failure) = &event.task_failed_event_details {
        return Some(failure.error.clone().unwrap_or_else(unnamed));
    }
    if let Some(failure) = &event.task_timed_out_event_details {
        return Some(failure.error.clone().unwrap_or_else(|| "States.Timeout".to_owned()));
    }
    if let Some(failure) = &event.task_submit_failed_event_details {
        return Some(failure.error.clone().unwrap_or_else(unnamed));
    }
    if let Some(failure) = &event.task_start_failed_event_details {
        return Some(failure.error.clone().unwrap_or_else(unnamed));
    }
    let failure = event.evaluation_failed_event_details.as_ref()?;
    Some(failure.error.clone().unwrap_or_else(|| "States.QueryEvaluationError".to_owned()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::{
        primitives::DateTime,
        types::{
            HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
            TaskScheduledEventDetails, builders::HistoryEventBuilder,
        },
    };

    use super::*;

    fn event(id: i64, previous: i64, kind: HistoryEventType) -> HistoryEventBuilder {
        HistoryEvent::builder()
            .id(id)
            .previous_event_id(previous)
            .timestamp(DateTime::from_secs(id))
            .r#type(kind)
    }

    fn entered(id: i64, previous: i64, name: &str) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        let event = event(id, previous, HistoryEventType::TaskStateEntered);
        event.state_entered_event_details(details).build().unwrap()
    }

    fn exited(id: i64, previous: i64, name: &str) -> HistoryEvent {
        let details = StateExitedEventDetails::builder().name(name).build().unwrap();
        let event = event(id, previous, HistoryEventType::TaskStateExited);
        event.state_exited_event_details(details).build().unwrap()
    }

    fn scheduled(id: i64, previous: i64) -> HistoryEvent {
        let details = TaskScheduledEventDetails::builder();
        let details = details.resource_type("lambda").resource("invoke").region("r").parameters("{}");
        let event = event(id, previous, HistoryEventType::TaskScheduled);
        event.task_scheduled_event_details(details.build().unwrap()).build().unwrap()
    }

    fn failed(id: i64, previous: i64, error: &str) -> HistoryEvent {
        let details =
            TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error(error);
        let event = event(id, previous, HistoryEventType::TaskFailed);
        event.task_failed_event_details(details.build().unwrap()).build().unwrap()
    }

    fn states() -> Vec<(String, String)> {
        ["check", "pay", "each"].map(|name| (name.to_owned(), name.to_owned())).to_vec()
    }

    #[test]
    fn steps_are_told_in_order_with_their_attempts_and_their_compensation() {
        let events = [
            entered(1, 0, "check"),
            scheduled(2, 1),
            failed(3, 2, "HttpRequest.Timeout"),
            scheduled(4, 3),
            exited(5, 4, "check"),
            entered(6, 5, "pay"),
            scheduled(7, 6),
            failed(8, 7, "HttpRequest.Refused"),
            exited(9, 8, "pay"),
            entered(10, 9, "Undo check"),
        ];
        let steps = of(&events, &states(), ExecutionStatus::Running);
        let told: Vec<_> =
            steps.iter().map(|step| (step.step.as_str(), step.attempts, step.compensation)).collect();
        assert_eq!(told, [("check", 2, false), ("pay", 1, false), ("check", 0, true)]);
        assert_eq!(steps[1].status, StepStatus::Failed);
        assert_eq!(steps[1].error.as_deref(), Some("HttpRequest.Refused"));
        assert_eq!(steps[2].status, StepStatus::Running);
        assert_eq!(of(&events, &states(), ExecutionStatus::Cancelled)[2].status, StepStatus::Stopped);
    }

    #[test]
    fn rounds_of_a_loop_that_run_side_by_side_do_not_mix() {
        let events = [
            entered(1, 0, "each"),
            entered(2, 1, "pay"),
            entered(3, 1, "pay"),
            scheduled(4, 3),
            scheduled(5, 2),
            failed(6, 4, "Boom"),
            exited(7, 5, "pay"),
            exited(8, 7, "each"),
        ];
        let steps = of(&events, &states(), ExecutionStatus::Succeeded);
        assert_eq!(
            steps.iter().map(|step| step.status).collect::<Vec<_>>(),
            [StepStatus::Succeeded, StepStatus::Succeeded, StepStatus::Failed,]
        );
    }
}
