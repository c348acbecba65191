//! When a state fails: `Retry`, `Catch`, or the end.

use super::output::place;
use super::run::{Exit, Run, Trouble};
use super::snapshot::{Frame, FrameId, Phase, Purpose};
use crate::history::{Event, Failure, StateKind};
use crate::program::{Catcher, Retrier, State};
use crate::template::EvaluationError;
use crate::{Payload, Value};
use std::sync::Arc;

impl<'a> Run<'a> {
    /// A state has failed.
    pub(super) fn trouble(&mut self, id: FrameId, mut frame: Frame, state: &'a State, trouble: Trouble) {
        let failure = match trouble {
            Trouble::Failure(failure) => failure,
            Trouble::Evaluation(error) => {
                let failure = error.failure(&state.name, frame.entered);
                match error {
                    EvaluationError::Query { location, .. } => {
                        let event = Event::EvaluationFailed {
                            failure: failure.clone(),
                            location: location.map(Arc::from),
                            state: state.name.clone(),
                        };
                        // AWS links this event to the one before the state's entry, except for Wait.
                        let previous =
                            if state.kind == StateKind::Wait { frame.entered } else { frame.before };
                        frame.last = self.event(previous, event);
                    }
                    EvaluationError::Runtime { error: "States.Runtime", .. } => {
                        let last = frame.last;
                        frame.phase = Phase::Failed;
                        self.put(id, frame);
                        return self.fail_execution(last, failure);
                    }
                    EvaluationError::Runtime { .. } => {}
                }
                failure
            }
        };
        if self.state.status == crate::Status::Running {
            self.recover(id, frame, state, failure);
        }
    }

    fn recover(&mut self, id: FrameId, mut frame: Frame, state: &'a State, failure: Failure) {
        let error = failure.error.as_deref().unwrap_or_default();
        if let Some((index, retrier)) = first_match(&state.retry, |retrier| &retrier.errors, error) {
            frame.retries.resize(state.retry.len(), 0);
            let used = frame.retries.get_mut(index);
            if let Some(used) = used.filter(|used| **used < retrier.max_attempts) {
                *used += 1;
                frame.retry_count += 1;
                let millis = self.delay(retrier, *used);
                self.abort_children(&mut frame);
                self.release_children(&mut frame);
                self.set_timer(Purpose::Retry(id), millis);
                frame.phase = Phase::Retry;
                return self.put(id, frame);
            }
        }
        self.abort_children(&mut frame);
        if let Some(kind) = composite(state.kind) {
            frame.last = self.event(frame.last, Event::StateFailed { kind });
        }
        if let Some((index, catcher)) = first_match(&state.catch, |catcher| &catcher.errors, error) {
            self.release_children(&mut frame);
            match self.caught(&frame, state, (index, catcher), &failure) {
                Ok(exit) => return self.exit(id, frame, state, exit),
                Err(error) => {
                    let failure = error.failure(&state.name, frame.entered);
                    return self.line_failed(id, frame, failure);
                }
            }
        }
        self.line_failed(id, frame, failure);
    }

    /// Nothing caught the error: the line of control fails, and with it what waits for it.
    fn line_failed(&mut self, id: FrameId, mut frame: Frame, failure: Failure) {
        let (last, parent) = (frame.last, frame.parent);
        frame.failed = true;
        // A composite state keeps its branches: a redrive takes them up where they failed.
        if !matches!(frame.phase, Phase::Parallel(_) | Phase::Map(_) | Phase::Distributed(_)) {
            frame.phase = Phase::Failed;
        }
        self.put(id, frame);
        match parent {
            Some((parent, slot)) => self.child_failed(parent, slot, last, failure),
            None => self.fail_execution(last, failure),
        }
    }

    fn delay(&mut self, retrier: &Retrier, attempt: u32) -> u64 {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "seconds fit a double")]
        let mut seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
        if let Some(most) = retrier.max_delay_seconds {
            #[expect(clippy::cast_precision_loss, reason = "seconds fit a double")]
            let most = most as f64;
            seconds = seconds.min(most);
        }
        if retrier.full_jitter {
            seconds *= self.state.seed.fraction("jitter", self.state.next_random);
            self.state.next_random += 1;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let millis = (seconds * 1000.0).clamp(0.0, 3_153_600_000_000.0) as u64;
        millis
    }

    pub(super) fn caught(
        &mut self,
        frame: &Frame,
        state: &State,
        (index, catcher): (usize, &Catcher),
        failure: &Failure,
    ) -> Result<Exit, EvaluationError> {
        let text = |text: &Option<Arc<str>>| text.clone().map(Value::String);
        // A timeout has an empty cause; a failure that a worker told without error or cause has nulls.
        let timed_out =
            matches!(failure.error.as_deref(), Some("States.Timeout" | "States.HeartbeatTimeout"));
        let no_cause = if timed_out { Value::string("") } else { Value::Null };
        let mut members = crate::Object::default();
        members.insert("Error".into(), text(&failure.error).unwrap_or_default());
        members.insert("Cause".into(), text(&failure.cause).unwrap_or(no_cause));
        let error_output = Value::object(members);
        let field = format!("Catch[{index}]");
        let assigned = match &catcher.assign {
            Some(template) => {
                let values = self.evaluate(
                    frame,
                    state,
                    |evaluation| {
                        evaluation.input = error_output.clone();
                        evaluation.error_output = Some(error_output.clone());
                    },
                    |evaluation| template.evaluate(evaluation, &format!("{field}/Assign")),
                )?;
                let members = values.as_object().into_iter().flatten();
                Some(
                    members.map(|(name, value)| (name.clone(), Payload::from_value(value.clone()))).collect(),
                )
            }
            None => None,
        };
        let output = match &catcher.output {
            Some(template) => Payload::from_value(self.evaluate(
                frame,
                state,
                |evaluation| evaluation.error_output = Some(error_output.clone()),
                |evaluation| template.evaluate(evaluation, &format!("{field}/Output")),
            )?),
            None => place(&catcher.result_path, &frame.input, Payload::from_value(error_output))?,
        };
        Ok(Exit { output, assigned, next: Some(catcher.next) })
    }
}

fn composite(kind: StateKind) -> Option<StateKind> {
    matches!(kind, StateKind::Parallel | StateKind::Map).then_some(kind)
}

pub(super) fn first_match<'s, T>(
    handlers: &'s [T],
    errors: impl Fn(&T) -> &Vec<Arc<str>>,
    error: &str,
) -> Option<(usize, &'s T)> {
    handlers
        .iter()
        .enumerate()
        .find(|(_, handler)| errors(handler).iter().any(|pattern| covers(pattern, error)))
}

/// Whether an error name in `ErrorEquals` covers an error.
fn covers(pattern: &str, error: &str) -> bool {
    match pattern {
        "States.ALL" => error != "States.Runtime",
        "States.TaskFailed" => !matches!(error, "States.Timeout" | "States.Runtime"),
        "States.Timeout" => matches!(error, "States.Timeout" | "States.HeartbeatTimeout"),
        other => other == error,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn wildcards_leave_out_what_aws_leaves_out() {
        assert!(covers("States.ALL", "HttpRequest.Timeout"));
        assert!(covers("States.ALL", "States.Timeout"));
        assert!(covers("States.ALL", "States.DataLimitExceeded"));
        assert!(!covers("States.ALL", "States.Runtime"));
        assert!(!covers("States.TaskFailed", "States.Timeout"));
        assert!(covers("States.TaskFailed", "Lambda.TooManyRequestsException"));
        assert!(covers("States.Timeout", "States.HeartbeatTimeout"));
    }
}
