//! A world in memory: a virtual clock, stub functions and child executions.

use super::functions;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use toss_asl::{
    Completion, Effect, Execution, ExecutionContext, Failure, HistoryEvent, Machine, Payload, Seed, Status,
    Stimulus, TaskId, TimerId, Timestamp, read_items,
};

/// An execution that has run as far as it can.
pub(crate) struct Finished {
    /// How it ended; `None` where it waits for what never comes.
    pub(crate) completion: Option<Completion>,
    pub(crate) events: Vec<HistoryEvent>,
    pub(crate) at: Timestamp,
}

/// Nothing that is recorded takes more stimuli.
const MAX_STIMULI: usize = 100_000;

struct World<'a> {
    functions: &'a Value,
    objects: &'a Value,
    recorded: VecDeque<&'a Value>,
    execution: Execution,
    now: Timestamp,
    /// The moment and order of each stimulus, and where it stands in `stimuli`.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    stimuli: Vec<Stimulus>,
    cancelled_timers: HashSet<TimerId>,
    cancelled_tasks: HashSet<TaskId>,
    events: Vec<HistoryEvent>,
}

/// What answers the calls of an execution.
pub(crate) struct Services<'a> {
    /// Stub functions by their ARN.
    pub(crate) functions: &'a Value,
    /// The objects that readers find.
    pub(crate) objects: &'a Value,
    /// A history whose task events stand for the answers of services that the runner does not have.
    pub(crate) recorded: &'a [Value],
}

/// What a recorded event of a task tells: its output, or its failure, and whether it ends the task.
pub(super) fn answer_of(event: &Value) -> Option<(Result<Payload, Failure>, bool)> {
    let (details, ends) = match event["type"].as_str()? {
        "TaskSubmitted" => (&event["taskSubmittedEventDetails"], false),
        "TaskSucceeded" => (&event["taskSucceededEventDetails"], true),
        "ActivitySucceeded" => (&event["activitySucceededEventDetails"], true),
        "TaskFailed" => (&event["taskFailedEventDetails"], true),
        _ => return None,
    };
    if let Some(output) = details.get("output") {
        let payload = match output {
            Value::String(text) => Payload::parse(text.as_str()).unwrap_or_else(|_| output.clone().into()),
            other => other.clone().into(),
        };
        return Some((Ok(payload), ends));
    }
    let text = |name: &str| {
        details
            .get(name)
            .map(|value| value.as_str().map_or_else(|| value.to_string().into(), std::sync::Arc::from))
    };
    Some((Err(Failure { error: text("error"), cause: text("cause") }), ends))
}

/// Runs a machine to its end.
pub(crate) fn run(
    machine: Machine,
    input: Payload,
    context: ExecutionContext,
    services: &Services<'_>,
) -> Finished {
    let Services { functions, objects, recorded } = *services;
    let now = context.start_time;
    let (execution, outcome) = Execution::start(machine, input, context, Seed::new([7; 32]));
    let mut world = World {
        functions,
        objects,
        recorded: recorded.iter().filter(|event| answer_of(event).is_some()).collect(),
        execution,
        now,
        queue: BinaryHeap::new(),
        stimuli: Vec::new(),
        cancelled_timers: HashSet::new(),
        cancelled_tasks: HashSet::new(),
        events: outcome.events,
    };
    world.perform(outcome.effects);
    world.go_on();
    Finished { completion: world.execution.completion().cloned(), events: world.events, at: world.now }
}

impl World<'_> {
    fn go_on(&mut self) {
        for _ in 0..MAX_STIMULI {
            if self.execution.status() != Status::Running {
                return;
            }
            let Some(Reverse((at, index))) = self.queue.pop() else { return };
            let stimulus = self.stimuli[index].clone();
            if self.is_cancelled(&stimulus) {
                continue;
            }
            self.now = self.now.max(at);
            let outcome = self.execution.apply(stimulus, self.now);
            self.events.extend(outcome.events);
            self.perform(outcome.effects);
        }
    }

    fn is_cancelled(&self, stimulus: &Stimulus) -> bool {
        match stimulus {
            Stimulus::TimerFired { timer } => self.cancelled_timers.contains(timer),
            Stimulus::TaskSucceeded { task, .. } | Stimulus::TaskFailed { task, .. } => {
                self.cancelled_tasks.contains(task)
            }
            _ => false,
        }
    }

    fn at(&mut self, at: Timestamp, stimulus: Stimulus) {
        self.queue.push(Reverse((at, self.stimuli.len())));
        self.stimuli.push(stimulus);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::InvokeTask(invocation) => {
                    if let Some(answer) = functions::answer(self.functions, &invocation, self.now) {
                        let task = invocation.task;
                        let stimulus = match answer.result {
                            Ok(output) => Stimulus::TaskSucceeded { task, output: output.into() },
                            Err(failure) => Stimulus::TaskFailed { task, failure },
                        };
                        let millis = answer.after_seconds.saturating_mul(1000);
                        self.at(self.now.plus_millis(millis.try_into().unwrap_or(i64::MAX)), stimulus);
                    } else {
                        self.replay(invocation.task);
                    }
                }
                Effect::SetTimer { timer, at } => self.at(at, Stimulus::TimerFired { timer }),
                Effect::CancelTimer { timer } => {
                    self.cancelled_timers.insert(timer);
                }
                Effect::CancelTask { task } => {
                    self.cancelled_tasks.insert(task);
                }
                Effect::StartChild(child) => self.start_child(&child),
                Effect::Continue => self.at(self.now, Stimulus::Continue),
                Effect::ReadItems(read) => {
                    let parameters = read.parameters.to_json();
                    let object = self.objects.as_array().into_iter().flatten().find(|object| {
                        object["bucket"] == parameters["Bucket"] && object["key"] == parameters["Key"]
                    });
                    let body = object.and_then(|object| object["body"].as_str()).unwrap_or_default();
                    let stimulus = match read_items(&read.config, body) {
                        Ok(items) => Stimulus::ItemsRead { task: read.task, items },
                        Err(failure) => Stimulus::TaskFailed { task: read.task, failure },
                    };
                    self.at(self.now, stimulus);
                }
                Effect::WriteResults(_)
                | Effect::StartMapRun(_)
                | Effect::EndMapRun { .. }
                | Effect::StopChild { .. }
                | Effect::Complete(_) => {}
            }
        }
    }

    /// Answers a task as the recording does.
    fn replay(&mut self, task: TaskId) {
        while let Some((answer, ends)) = self.recorded.pop_front().and_then(answer_of) {
            let stimulus = match answer {
                Ok(output) if ends => Stimulus::TaskSucceeded { task, output },
                Ok(output) => Stimulus::TaskSubmitted { task, output },
                Err(failure) => Stimulus::TaskFailed { task, failure },
            };
            self.at(self.now, stimulus);
            if ends {
                return;
            }
        }
    }

    fn start_child(&mut self, child: &toss_asl::ChildStart) {
        let Some(machine) = self.execution.machine().processor(child.processor) else { return };
        let mut context = self.execution.context().clone();
        context.name = child.name.clone();
        context.start_time = self.now;
        context.express = child.express;
        context.child = Some(Box::new(toss_asl::MapChild { map_run_arn: "".into() }));
        let finished = run(
            machine,
            child.input.clone(),
            context,
            &Services { functions: self.functions, objects: self.objects, recorded: &[] },
        );
        let (run, child) = (child.run, child.child);
        let stimulus = match finished.completion {
            Some(Completion { status: Status::Succeeded, output: Some(output), .. }) => {
                Stimulus::ChildSucceeded { run, child, output }
            }
            Some(completion) => Stimulus::ChildFailed { run, child, failure: completion.failure },
            None => return,
        };
        self.at(finished.at, stimulus);
    }
}
