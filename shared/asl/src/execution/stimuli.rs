//! What happened outside, and where it leads.

use super::run::Run;
use super::snapshot::{Phase, Purpose, ROOT};
use crate::history::{Event, Failure};
use crate::{Status, Stimulus, TimerId};

impl Run<'_> {
    pub(super) fn stimulate(&mut self, stimulus: Stimulus) {
        if self.state.status != Status::Running && stimulus != Stimulus::Redrive {
            return self.refuse();
        }
        match stimulus {
            Stimulus::ActivityStarted { task, worker } => self.task_started(task, worker),
            Stimulus::TaskSubmitted { task, output } => self.task_submitted(task, output),
            Stimulus::TaskSucceeded { task, output } if self.is_writer(task) => {
                self.results_written(task, output);
            }
            Stimulus::TaskSucceeded { task, output } => self.task_succeeded(task, output),
            Stimulus::TaskFailed { task, failure } if self.is_distributed(task) => {
                self.distributed_task_failed(task, failure);
            }
            Stimulus::TaskFailed { task, failure } => self.task_failed(task, failure),
            Stimulus::Heartbeat { task } => self.heartbeat(task),
            Stimulus::TimerFired { timer } => self.timer_fired(timer),
            Stimulus::ItemsRead { task, items } => self.items_read(task, &items),
            Stimulus::ChildSucceeded { run, child, output } => self.map_child_ended(run, child, Ok(output)),
            Stimulus::ChildFailed { run, child, failure } => self.map_child_ended(run, child, Err(failure)),
            Stimulus::UpdateMapRun {
                run,
                max_concurrency,
                tolerated_failure_count,
                tolerated_failure_percentage,
            } => {
                self.update_map_run(
                    run,
                    max_concurrency,
                    tolerated_failure_count,
                    tolerated_failure_percentage,
                );
            }
            Stimulus::Continue => {}
            Stimulus::Stop(failure) => self.stop(failure),
            Stimulus::Redrive => self.redrive(),
        }
        self.drain();
    }

    /// The stimulus meant nothing.
    pub(super) fn refuse(&mut self) {
        self.outcome.accepted = false;
    }

    fn timer_fired(&mut self, timer: TimerId) {
        let Some(set) = self.state.timers.remove(&timer) else { return self.refuse() };
        match set.purpose {
            Purpose::ExecutionTimeout => {
                let failure = Failure::named("States.Timeout");
                self.event(0, Event::ExecutionTimedOut(failure.clone()));
                self.complete(Status::TimedOut, None, failure);
            }
            Purpose::Wait(id) => {
                let Some(frame) = self.take(id) else { return };
                let program = self.program;
                let Some(state) = program.states.get(frame.state as usize) else { return };
                match self.selected_input(&frame, state) {
                    Ok(input) => self.flow(id, frame, state, super::run::Flow::Done(input)),
                    Err(trouble) => self.trouble(id, frame, state, trouble),
                }
            }
            Purpose::Retry(id) => {
                let Some(mut frame) = self.take(id) else { return };
                frame.phase = Phase::Again;
                self.put(id, frame);
                self.state.ready.push_back(id);
            }
            Purpose::TaskTimeout(id) => self.task_timed_out(id, "States.Timeout"),
            Purpose::Heartbeat(id) => self.task_timed_out(id, "States.HeartbeatTimeout"),
        }
    }

    fn stop(&mut self, failure: Failure) {
        self.event(0, Event::ExecutionAborted(failure.clone()));
        self.complete(Status::Aborted, None, failure);
    }

    /// Failed, timed out and aborted states begin again; what had succeeded stays.
    fn redrive(&mut self) {
        let redrivable = matches!(self.state.status, Status::Failed | Status::TimedOut | Status::Aborted);
        if !redrivable || self.state.context.express {
            return self.refuse();
        }
        self.state.status = Status::Running;
        self.state.completion = None;
        self.state.redrive_count += 1;
        self.state.redrive_time = Some(self.now);
        let redrive_count = self.state.redrive_count;
        let previous = self.state.last_event;
        let last = self.event(previous, Event::ExecutionRedriven { redrive_count });
        if let Some(seconds) = self.program.timeout_seconds {
            self.set_timer(Purpose::ExecutionTimeout, seconds.saturating_mul(1000));
        }
        self.redrive_frame(ROOT, last);
    }
}
