//! Giving up what runs inside a failed state, and taking it up again.

use super::run::Run;
use super::snapshot::{Frame, FrameId, Phase, Purpose};
use crate::Effect;
use crate::history::{Event, StateKind};
use crate::program::Body;

impl Run<'_> {
    fn children(frame: &Frame) -> Vec<FrameId> {
        match &frame.phase {
            Phase::Parallel(run) => run.children.clone(),
            Phase::Map(run) => run.children.values().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// The other branches and iterations of a failed state are given up.
    pub(super) fn abort_children(&mut self, frame: &mut Frame) {
        for id in Self::children(frame) {
            let Some(mut child) = self.take(id) else { continue };
            let is_over = child.failed || matches!(child.phase, Phase::Failed | Phase::Finished);
            if !is_over {
                self.abort(id, &mut child);
                self.iteration_aborted(frame, &child);
            }
            self.put(id, child);
        }
        if let Phase::Distributed(run) = &mut frame.phase {
            let mut run = std::mem::replace(run, super::distributed::nothing());
            self.stop_children(&mut run);
            frame.phase = Phase::Distributed(run);
        }
    }

    fn iteration_aborted(&mut self, map: &Frame, child: &Frame) {
        let state = self.program.states.get(map.state as usize);
        if let (Phase::Map(_), Some((_, slot)), Some(state)) = (&map.phase, child.parent, state) {
            let aborted = Event::MapIterationAborted { name: state.name.clone(), index: u64::from(slot) };
            self.event(child.last, aborted);
        }
    }

    fn abort(&mut self, id: FrameId, frame: &mut Frame) {
        match &frame.phase {
            Phase::Failed | Phase::Finished => return,
            Phase::Enter => {
                self.state.ready.retain(|ready| *ready != id);
                return;
            }
            Phase::Parallel(_) | Phase::Map(_) | Phase::Distributed(_) => self.abort_children(frame),
            Phase::Task(run) => {
                let task = run.task;
                self.task_over(frame);
                self.effect(Effect::CancelTask { task });
                frame.phase = Phase::Failed;
            }
            Phase::Wait | Phase::Retry | Phase::Again => {
                let timers = self.state.timers.iter().filter(|(_, timer)| {
                    matches!(timer.purpose, Purpose::Wait(owner) | Purpose::Retry(owner) if owner == id)
                });
                let timer = timers.map(|(timer, _)| timer).next();
                self.cancel_timer(timer);
                self.state.ready.retain(|ready| *ready != id);
                frame.phase = Phase::Failed;
            }
        }
        if let Some(state) = self.program.states.get(frame.state as usize) {
            self.aborted(frame, state.kind);
        }
    }

    /// Forgets the branches and iterations of a state that is tried again or whose error was caught.
    pub(super) fn release_children(&mut self, frame: &mut Frame) {
        for id in Self::children(frame) {
            let Some(mut child) = self.take(id) else { continue };
            self.release_children(&mut child);
            self.release(id);
        }
        if let Phase::Distributed(run) = &frame.phase {
            self.state.runs.remove(&run.run);
        }
        frame.phase = Phase::Again;
    }

    /// Takes up what failed, timed out or was aborted in a line of control.
    pub(super) fn redrive_frame(&mut self, id: FrameId, last: u64) {
        let Some(mut frame) = self.take(id) else { return };
        frame.last = last;
        frame.failed = false;
        frame.retries.clear();
        frame.retry_count = 0;
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        let children = Self::children(&frame);
        match std::mem::replace(&mut frame.phase, Phase::Again) {
            phase @ Phase::Parallel(_) => frame.phase = phase,
            Phase::Map(mut run) => {
                let live = |child: &FrameId| self.state.frame(*child).is_some();
                run.children.retain(|_, child| live(child));
                run.running = run.children.len() as u32;
                let Body::Map(map) = &state.body else { return };
                let begun = self.start_iterations(id, &frame, state, map, &mut run, last);
                frame.phase = Phase::Map(run);
                if let Err(trouble) = begun {
                    return self.trouble(id, frame, state, trouble);
                }
            }
            Phase::Distributed(run) => self.redrive_map_run(id, &mut frame, run),
            Phase::Enter => {
                frame.phase = Phase::Enter;
                self.state.ready.push_back(id);
            }
            _ => {
                if state.kind == StateKind::Fail {
                    frame.phase = Phase::Enter;
                }
                self.state.ready.push_back(id);
            }
        }
        self.put(id, frame);
        for child in children {
            self.redrive_frame(child, last);
        }
    }
}
