//! How the children of a distributed Map end, and with them the Map.

use super::super::run::{Flow, Run, Trouble};
use super::super::snapshot::{DistributedRun, Frame, FrameId, Phase, Stage};
use super::nothing;
use crate::history::{Event, Failure, StateKind};
use crate::program::{Body, Map, State, Writer};
use crate::{Effect, MapRunId, Payload, Status, TaskId, Value, WriteResults};

impl<'a> Run<'a> {
    pub(in crate::execution) fn map_child_ended(
        &mut self,
        run_id: MapRunId,
        index: u32,
        result: Result<Payload, Failure>,
    ) {
        let Some(id) = self.state.runs.get(&run_id).copied() else { return self.refuse() };
        let Some(mut frame) = self.take(id) else { return self.refuse() };
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        let (Body::Map(map), Phase::Distributed(run)) = (&state.body, &mut frame.phase) else { return };
        let Some(distributed) = &map.distributed else { return };
        let open = run.children.get_mut(index as usize).filter(|child| child.result.is_none());
        let Some(child) = open else {
            self.put(id, frame);
            return self.refuse();
        };
        run.running = run.running.saturating_sub(1);
        if let Err(failure) = &result {
            run.failed_items += child.items;
            run.last_failure = Some(failure.clone());
        }
        child.result = Some(result);
        if run.exceeds() {
            return self.map_run_failed(id, frame, state);
        }
        let mut run = std::mem::replace(run, nothing());
        self.start_children(distributed, &mut run);
        let over = run.running == 0 && run.next as usize >= run.children.len();
        frame.phase = Phase::Distributed(run);
        if !over {
            return self.put(id, frame);
        }
        match self.map_run_over(id, &mut frame, state, map) {
            Ok(flow) => self.flow(id, frame, state, flow),
            Err(trouble) => self.trouble(id, frame, state, trouble),
        }
    }

    fn map_run_failed(&mut self, id: FrameId, mut frame: Frame, state: &'a State) {
        let cause = "The specified tolerated failure threshold was exceeded".to_owned();
        let failure = Failure::new("States.ExceedToleratedFailureThreshold", cause);
        self.abort_children(&mut frame);
        if let Phase::Distributed(run) = &frame.phase {
            let run = run.run;
            self.effect(Effect::EndMapRun { run, status: Status::Failed });
        }
        frame.last = self.event(frame.last, Event::MapRunFailed(failure.clone()));
        self.trouble(id, frame, state, Trouble::Failure(failure));
    }

    /// All children have ended, and not too many of them badly.
    pub(super) fn map_run_over(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
        map: &'a Map,
    ) -> Result<Flow, Trouble> {
        let Phase::Distributed(mut run) = std::mem::replace(&mut frame.phase, Phase::Again) else {
            return Ok(Flow::Pause(Phase::Again));
        };
        let writer = map.distributed.as_ref().and_then(|distributed| distributed.writer.as_ref());
        if let Some(writer) = writer.filter(|writer| writer.resource.is_some()) {
            let write = self.write_effect(frame, state, writer, &run)?;
            self.effect(Effect::WriteResults(Box::new(write.clone())));
            self.state.tasks.insert(write.task, id);
            run.stage = Stage::Writing(Box::new(write));
            return Ok(Flow::Pause(Phase::Distributed(run)));
        }
        let outputs = run.children.iter().filter_map(|child| match &child.result {
            Some(Ok(output)) => Some(output.value().clone()),
            _ => None,
        });
        let result = Payload::from_value(Value::array(outputs.collect()));
        self.map_run_succeeded(frame, run.run);
        Ok(Flow::Done(result))
    }

    pub(super) fn map_run_succeeded(&mut self, frame: &mut Frame, run: MapRunId) {
        self.state.runs.remove(&run);
        self.effect(Effect::EndMapRun { run, status: Status::Succeeded });
        frame.last = self.event(frame.last, Event::MapRunSucceeded);
        self.event(frame.last, Event::StateSucceeded { kind: StateKind::Map });
        frame.phase = Phase::Again;
    }

    fn write_effect(
        &mut self,
        frame: &Frame,
        state: &State,
        writer: &Writer,
        run: &DistributedRun,
    ) -> Result<WriteResults, Trouble> {
        let field =
            if state.language == crate::program::Language::Jsonata { "Arguments" } else { "Parameters" };
        let parameters = match &writer.parameters {
            Some(template) => self.evaluate(
                frame,
                state,
                |evaluation| evaluation.input = run.input.value().clone(),
                |evaluation| template.evaluate(evaluation, &format!("ResultWriter/{field}")),
            )?,
            None => Value::empty(),
        };
        let task = TaskId(self.state.next_task);
        self.state.next_task += 1;
        Ok(WriteResults {
            task,
            run: run.run,
            resource: writer.resource.clone(),
            parameters: Payload::from_value(parameters),
            config: Payload::from_value(writer.config.clone()),
            results: run.children.iter().filter_map(|child| child.result.clone()).collect(),
        })
    }
}
