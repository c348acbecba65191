//! Stopping, changing and redriving a distributed Map.

use super::super::run::Run;
use super::super::snapshot::{DistributedRun, Frame, FrameId, Phase, Stage};
use super::{MAX_CHILDREN, nothing};
use crate::program::Body;
use crate::{Effect, MapRunId, Status};

impl Run<'_> {
    pub(in crate::execution) fn stop_children(&mut self, run: &mut DistributedRun) {
        match &run.stage {
            Stage::Reading(read) => {
                self.state.tasks.remove(&read.task);
            }
            Stage::Writing(write) => {
                self.state.tasks.remove(&write.task);
            }
            Stage::Running => {
                let open = run.children.iter().take(run.next as usize).enumerate();
                for (index, _) in open.filter(|(_, child)| child.result.is_none()) {
                    self.outcome.effects.push(Effect::StopChild { run: run.run, child: index as u32 });
                }
                run.running = 0;
            }
        }
        self.state.runs.remove(&run.run);
    }

    /// The execution ends while maps run.
    pub(in crate::execution) fn stop_map_runs(&mut self) {
        for (run_id, id) in self.state.runs.drain() {
            if let Some(Phase::Distributed(run)) = self.state.frame(id).map(|frame| &frame.phase) {
                let open = run.children.iter().take(run.next as usize).enumerate();
                let open: Vec<u32> =
                    open.filter(|(_, child)| child.result.is_none()).map(|(index, _)| index as u32).collect();
                for child in open {
                    self.effect(Effect::StopChild { run: run_id, child });
                }
            }
            self.effect(Effect::EndMapRun { run: run_id, status: Status::Aborted });
        }
    }

    pub(in crate::execution) fn update_map_run(
        &mut self,
        run_id: MapRunId,
        max_concurrency: Option<u64>,
        tolerated_count: Option<u64>,
        tolerated_percentage: Option<f64>,
    ) {
        let Some(id) = self.state.runs.get(&run_id).copied() else { return self.refuse() };
        let Some(mut frame) = self.take(id) else { return self.refuse() };
        let program = self.program;
        let Some(state) = program.states.get(frame.state as usize) else { return };
        if let (Body::Map(map), Phase::Distributed(run)) = (&state.body, &mut frame.phase) {
            if let Some(limit) = max_concurrency {
                run.limit = if limit == 0 { MAX_CHILDREN } else { limit.min(MAX_CHILDREN) };
            }
            run.tolerated_count = tolerated_count.or(run.tolerated_count);
            run.tolerated_percentage = tolerated_percentage.or(run.tolerated_percentage);
            let mut run = std::mem::replace(run, nothing());
            if let Some(distributed) = &map.distributed {
                self.start_children(distributed, &mut run);
            }
            frame.phase = Phase::Distributed(run);
        }
        self.put(id, frame);
    }

    /// Children that did not succeed are started once more.
    pub(in crate::execution) fn redrive_map_run(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        mut run: Box<DistributedRun>,
    ) {
        let program = self.program;
        let state = program.states.get(frame.state as usize);
        let Some(Body::Map(map)) = state.map(|state| &state.body) else { return };
        if !matches!(run.stage, Stage::Running) || run.children.is_empty() {
            frame.phase = Phase::Again;
            return self.state.ready.push_back(id);
        }
        for child in &mut run.children {
            if matches!(child.result, Some(Err(_))) {
                child.result = None;
            }
        }
        run.failed_items = 0;
        run.last_failure = None;
        run.next = 0;
        run.running = 0;
        self.state.runs.insert(run.run, id);
        if let Some(distributed) = &map.distributed {
            self.start_children(distributed, &mut run);
        }
        frame.phase = Phase::Distributed(run);
    }
}
