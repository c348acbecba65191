//! Distributed Map: a child execution for each item or batch of items.

use super::composite::MapLimits;
use super::numbers::{decimal, whole};
use super::run::{Flow, Run, Trouble};
use super::snapshot::{ChildRun, DistributedRun, Frame, FrameId, Phase, Stage};
use crate::history::{Event, Failure, StateKind};
use crate::program::{Batcher, Body, Distributed, Map, Program, Reader, State, Writer};
use crate::template::EvaluationError;
use crate::{
    ChildStart, Effect, MapRunId, MapRunStart, Object, Payload, ReadItems, Status, TaskId, Value, WriteResults,
};
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
        let field = if state.language == crate::program::Language::Jsonata { "Arguments" } else { "Parameters" };
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

    /// The inputs of the child executions: an item each, or a batch.
    fn children_of(
        &mut self,
        frame: &Frame,
        state: &State,
        (map, distributed): (&Map, &Distributed),
        input: &Payload,
        items: &[Value],
        run: MapRunId,
    ) -> Result<Vec<ChildRun>, Trouble> {
        let mut selected = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let item = Payload::from_value(item.clone());
            selected.push(match &map.item_selector {
                Some(template) => self.select_item(frame, state, template, input, (index as u32, &item))?,
                None => item,
            });
        }
        let inputs: Vec<(Payload, u64)> = match &distributed.batcher {
            None => selected.into_iter().map(|input| (input, 1)).collect(),
            Some(batcher) => self.batches(frame, state, batcher, input, &selected)?,
        };
        let first = u64::from(run.0) << 32;
        let named = inputs.into_iter().enumerate().map(|(index, (input, items))| ChildRun {
            input,
            items,
            result: None,
            name: self.state.seed.uuid("child", first | index as u64).into(),
        });
        Ok(named.collect())
    }

    fn batches(
        &mut self,
        frame: &Frame,
        state: &State,
        batcher: &Batcher,
        input: &Payload,
        items: &[Payload],
    ) -> Result<Vec<(Payload, u64)>, Trouble> {
        let (max_items, max_bytes, batch_input) = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| {
                let limit = |text: &Option<crate::program::Text>, field: &str| match text {
                    Some(text) => whole(text, evaluation, field).map(|limit| usize::try_from(limit).ok()),
                    None => Ok(None),
                };
                let batch_input = match &batcher.batch_input {
                    Some(template) => Some(template.evaluate(evaluation, "ItemBatcher/BatchInput")?),
                    None => None,
                };
                Ok((
                    limit(&batcher.max_items, "MaxItemsPerBatch")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX),
                    limit(&batcher.max_bytes, "MaxInputBytesPerBatch")?
                        .filter(|limit| *limit > 0)
                        .unwrap_or(super::MAX_PAYLOAD),
                    batch_input,
                ))
            },
        )?;
        let base = batch_input.as_ref().map_or(12, |input| input.json_len() + 27);
        let mut batches = Vec::new();
        let mut batch: Vec<Value> = Vec::new();
        let mut bytes = base;
        for item in items {
            let size = item.len() + 1;
            if !batch.is_empty() && (batch.len() >= max_items || bytes + size > max_bytes) {
                batches.push(std::mem::take(&mut batch));
                bytes = base;
            }
            bytes += size;
            batch.push(item.value().clone());
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        let wrap = |items: Vec<Value>| {
            let count = items.len() as u64;
            let mut members = Object::default();
            if let Some(input) = &batch_input {
                members.insert("BatchInput".into(), input.clone());
            }
            members.insert("Items".into(), Value::array(items));
            (Payload::from_value(Value::object(members)), count)
        };
        Ok(batches.into_iter().map(wrap).collect())
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

    pub(super) fn map_child_ended(&mut self, run_id: MapRunId, index: u32, result: Result<Payload, Failure>) {
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
    fn map_run_over(
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

    fn map_run_succeeded(&mut self, frame: &mut Frame, run: MapRunId) {
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
        let field = if state.language == crate::program::Language::Jsonata { "Arguments" } else { "Parameters" };
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

    pub(super) fn stop_children(&mut self, run: &mut DistributedRun) {
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
    pub(super) fn stop_map_runs(&mut self) {
        let runs = std::mem::take(&mut self.state.runs);
        for (run_id, id) in runs {
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

    pub(super) fn update_map_run(
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
    pub(super) fn redrive_map_run(&mut self, id: FrameId, frame: &mut Frame, mut run: Box<DistributedRun>) {
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
