//! Distributed Map: a child execution for each item or batch of items.

mod batches;
mod control;
mod ending;

use super::composite::MapLimits;
use super::numbers::{decimal, whole};
use super::run::{Flow, Run, Trouble};
use super::snapshot::{ChildRun, DistributedRun, Frame, FrameId, Phase, Stage};
use crate::history::{Event, Failure};
use crate::program::{Body, Distributed, Map, Program, Reader, State};
use crate::template::EvaluationError;
use crate::{ChildStart, Effect, MapRunId, MapRunStart, Payload, ReadItems, Status, TaskId, Value};
use std::sync::Arc;

/// AWS runs at most this many child executions at once.
const MAX_CHILDREN: u64 = 10_000;

impl<'a> Run<'a> {
    pub(super) fn distributed_map(
        &mut self,
        id: FrameId,
        frame: &mut Frame,
        state: &'a State,
        (map, distributed): (&'a Map, &'a Distributed),
        input: Payload,
    ) -> Result<Flow, Trouble> {
        let limits = self.map_limits(frame, state, map, &input)?;
        let items = match distributed.reader {
            Some(_) => None,
            None => Some(self.map_items(frame, state, map, &input)?),
        };
        let length = items.as_ref().map_or(0, |items| items.len() as u64);
        frame.last = self.event(frame.last, Event::MapStateStarted { length });
        let mut run = self.begin_map_run(frame, state, (map, distributed, &limits), input)?;
        match (&distributed.reader, items) {
            (Some(reader), _) => {
                self.announce(distributed, &run);
                self.state.runs.insert(run.run, id);
                self.read_items(id, frame, state, reader, &mut run)?;
                Ok(Flow::Pause(Phase::Distributed(run)))
            }
            (None, items) => {
                self.state.runs.insert(run.run, id);
                self.run_children(frame, state, (map, distributed), run, &items.unwrap_or_default(), id)
            }
        }
    }

    /// A map run that has no children yet.
    fn begin_map_run(
        &mut self,
        frame: &mut Frame,
        state: &'a State,
        (map, distributed, limits): (&'a Map, &'a Distributed, &MapLimits),
        input: Payload,
    ) -> Result<Box<DistributedRun>, Trouble> {
        let (tolerated_count, tolerated_percentage) = self.tolerated(frame, state, map, &input)?;
        let runid = MapRunId(self.state.next_run);
        self.state.next_run += 1;
        let label = distributed.label.clone().unwrap_or_else(|| self.random_label(runid));
        let arn = self.map_run_arn(&label, runid);
        frame.last = self.event(frame.last, Event::MapRunStarted { map_run_arn: arn.clone() });
        let mut run = nothing();
        run.run = runid;
        run.arn = arn;
        run.stage = Stage::Running;
        run.input = input;
        run.limit = match u64::try_from(limits.concurrency).unwrap_or(0) {
            0 => MAX_CHILDREN,
            limit => limit.min(MAX_CHILDREN),
        };
        run.tolerated_count = tolerated_count;
        run.tolerated_percentage = tolerated_percentage;
        Ok(run)
    }

    fn announce(&mut self, distributed: &Distributed, run: &DistributedRun) {
        let label = distributed.label.clone().unwrap_or_else(|| self.random_label(run.run));
        self.effect(Effect::StartMapRun(Box::new(MapRunStart {
            run: run.run,
            arn: run.arn.clone(),
            label,
            items: run.items,
            children: run.children.len() as u32,
            max_concurrency: run.limit,
            tolerated_failure_count: run.tolerated_count.unwrap_or(0),
            tolerated_failure_percentage: run.tolerated_percentage.unwrap_or(0.0),
        })));
    }

    fn read_items(
        &mut self,
        id: FrameId,
        frame: &Frame,
        state: &'a State,
        reader: &'a Reader,
        run: &mut DistributedRun,
    ) -> Result<(), Trouble> {
        let field =
            if state.language == crate::program::Language::Jsonata { "Arguments" } else { "Parameters" };
        let (parameters, config) = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = run.input.value().clone(),
            |evaluation| {
                let parameters = match &reader.parameters {
                    Some(template) => template.evaluate(evaluation, &format!("ItemReader/{field}"))?,
                    None => Value::empty(),
                };
                let mut config = reader.config.as_object().cloned().unwrap_or_default();
                if let Some(text) = &reader.max_items {
                    config.shift_remove("MaxItemsPath");
                    config.insert("MaxItems".into(), Value::from(whole(text, evaluation, "MaxItems")?));
                }
                Ok((parameters, Value::object(config)))
            },
        )?;
        let task = TaskId(self.state.next_task);
        self.state.next_task += 1;
        let read = ReadItems {
            task,
            resource: reader.resource.clone(),
            parameters: Payload::from_value(parameters),
            config: Payload::from_value(config),
        };
        self.effect(Effect::ReadItems(Box::new(read.clone())));
        self.state.tasks.insert(task, id);
        run.stage = Stage::Reading(Box::new(read));
        Ok(())
    }

    pub(super) fn items_read(&mut self, task: TaskId, items: &Payload) {
        let Some((id, mut frame, state, map)) = self.distributed_frame(task) else { return self.refuse() };
        self.state.tasks.remove(&task);
        let Phase::Distributed(mut run) = std::mem::replace(&mut frame.phase, Phase::Again) else { return };
        let Some(distributed) = &map.distributed else { return };
        run.stage = Stage::Running;
        let items = items.value().as_array().unwrap_or_default().to_vec();
        match self.run_children(&mut frame, state, (map, distributed), run, &items, id) {
            Ok(flow) => self.flow(id, frame, state, flow),
            Err(trouble) => self.trouble(id, frame, state, trouble),
        }
    }

    /// The items are known: the first children start.
    fn run_children(
        &mut self,
        frame: &mut Frame,
        state: &'a State,
        (map, distributed): (&'a Map, &'a Distributed),
        mut run: Box<DistributedRun>,
        items: &[Value],
        id: FrameId,
    ) -> Result<Flow, Trouble> {
        let input = run.input.clone();
        run.children = self.children_of(frame, state, (map, distributed), &input, items, run.run)?;
        run.items = items.len() as u64;
        self.announce(distributed, &run);
        self.start_children(distributed, &mut run);
        frame.phase = Phase::Distributed(run);
        if items.is_empty() {
            return self.map_run_over(id, frame, state, map);
        }
        Ok(Flow::Pause(std::mem::replace(&mut frame.phase, Phase::Again)))
    }

    pub(super) fn tolerated(
        &mut self,
        frame: &Frame,
        state: &State,
        map: &Map,
        input: &Payload,
    ) -> Result<(Option<u64>, Option<f64>), Trouble> {
        let tolerated = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| {
                let count = match &map.tolerated_count {
                    Some(text) => {
                        let count = whole(text, evaluation, "ToleratedFailureCount")?;
                        let negative = EvaluationError::runtime("ToleratedFailureCount cannot be negative.");
                        Some(u64::try_from(count).map_err(|_| negative)?)
                    }
                    None => None,
                };
                let percentage = match &map.tolerated_percentage {
                    Some(text) => {
                        let percentage = decimal(text, evaluation, "ToleratedFailurePercentage")?;
                        if !(0.0..=100.0).contains(&percentage) {
                            return Err(EvaluationError::runtime(
                                "ToleratedFailurePercentage must be between 0 and 100.",
                            ));
                        }
                        Some(percentage)
                    }
                    None => None,
                };
                Ok((count, percentage))
            },
        )?;
        Ok(tolerated)
    }

    fn random_label(&self, run: MapRunId) -> Arc<str> {
        self.state.seed.uuid("label", u64::from(run.0)).into()
    }

    fn map_run_arn(&self, label: &str, run: MapRunId) -> Arc<str> {
        let context = &self.state.context;
        let name = self.state.seed.uuid("map run", u64::from(run.0));
        format!(
            "arn:aws:states:{}:{}:mapRun:{}/{label}:{name}",
            context.region(),
            context.account(),
            context.state_machine_name
        )
        .into()
    }

    fn start_children(&mut self, distributed: &Distributed, run: &mut DistributedRun) {
        while u64::from(run.running) < run.limit {
            let Some(child) = run.children.get(run.next as usize) else { return };
            if child.result.is_none() {
                self.outcome.effects.push(start_child(run.run, run.next, child, distributed));
                run.running += 1;
            }
            run.next += 1;
        }
    }

    pub(super) fn is_distributed(&self, task: TaskId) -> bool {
        self.stage_of(task).is_some()
    }

    pub(super) fn is_writer(&self, task: TaskId) -> bool {
        matches!(self.stage_of(task), Some(Stage::Writing(_)))
    }

    fn stage_of(&self, task: TaskId) -> Option<&Stage> {
        match &self.state.frame(*self.state.tasks.get(&task)?)?.phase {
            Phase::Distributed(run) => Some(&run.stage),
            _ => None,
        }
    }

    fn distributed_frame(&mut self, task: TaskId) -> Option<(FrameId, Frame, &'a State, &'a Map)> {
        self.stage_of(task)?;
        let id = *self.state.tasks.get(&task)?;
        let frame = self.take(id)?;
        let program = self.program;
        let state = program.states.get(frame.state as usize)?;
        let Body::Map(map) = &state.body else { return None };
        Some((id, frame, state, map))
    }

    pub(super) fn results_written(&mut self, task: TaskId, output: Payload) {
        let Some((id, mut frame, state, _)) = self.distributed_frame(task) else { return self.refuse() };
        self.state.tasks.remove(&task);
        if let Phase::Distributed(run) = &frame.phase {
            let run = run.run;
            self.map_run_succeeded(&mut frame, run);
        }
        self.flow(id, frame, state, Flow::Done(output));
    }

    /// The reader or the writer failed.
    pub(super) fn distributed_task_failed(&mut self, task: TaskId, failure: Failure) {
        let Some((id, mut frame, state, _)) = self.distributed_frame(task) else { return self.refuse() };
        self.state.tasks.remove(&task);
        if let Phase::Distributed(run) = &frame.phase {
            let run = run.run;
            self.effect(Effect::EndMapRun { run, status: Status::Failed });
            frame.last = self.event(frame.last, Event::MapRunFailed(failure.clone()));
        }
        self.trouble(id, frame, state, Trouble::Failure(failure));
    }
}

impl DistributedRun {
    fn exceeds(&self) -> bool {
        let count_exceeded = self.tolerated_count.is_some_and(|tolerated| self.failed_items > tolerated);
        #[expect(clippy::cast_precision_loss, reason = "item counts fit a double")]
        let percentage_exceeded = self
            .tolerated_percentage
            .is_some_and(|tolerated| self.failed_items as f64 * 100.0 > tolerated * self.items as f64);
        let none_tolerated = self.tolerated_count.is_none() && self.tolerated_percentage.is_none();
        count_exceeded || percentage_exceeded || (none_tolerated && self.failed_items > 0)
    }
}

/// The place holder of a run that is being changed.
pub(super) fn nothing() -> Box<DistributedRun> {
    Box::new(DistributedRun {
        run: MapRunId(u32::MAX),
        arn: Arc::from(""),
        stage: Stage::Running,
        input: Payload::from_value(Value::Null),
        children: Vec::new(),
        next: 0,
        running: 0,
        limit: 0,
        items: 0,
        failed_items: 0,
        tolerated_count: None,
        tolerated_percentage: None,
        last_failure: None,
    })
}

fn start_child(run: MapRunId, index: u32, child: &ChildRun, distributed: &Distributed) -> Effect {
    Effect::StartChild(Box::new(ChildStart {
        run,
        child: index,
        name: child.name.clone(),
        processor: distributed.processor,
        express: distributed.express,
        input: child.input.clone(),
    }))
}

/// The children of a run that have no result yet.
pub(super) fn open_children(program: &Program, frame: &Frame, effects: &mut Vec<Effect>) {
    let Phase::Distributed(run) = &frame.phase else { return };
    let state = program.states.get(frame.state as usize);
    let Some(Body::Map(map)) = state.map(|state| &state.body) else { return };
    let Some(distributed) = &map.distributed else { return };
    let started = run.children.iter().take(run.next as usize).enumerate();
    effects.extend(
        started
            .filter(|(_, child)| child.result.is_none())
            .map(|(index, child)| start_child(run.run, index as u32, child, distributed)),
    );
}
