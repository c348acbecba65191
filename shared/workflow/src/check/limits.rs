//! What Step Functions can hold, and what the mode allows.

use toss_kernel::{
    Span,
    activity::{StepOption, Wait},
};

use super::Checker;
use crate::{
    model::{Definition, Mode, Step, Steps},
    plan::{Kind, Region},
    problem::{Pointer, Problem},
    read::Document,
};

/// The most steps of a workflow, those inside loops and branches included.
pub(super) const MAX_STEPS: usize = 500;
/// The longest `TimeoutSeconds`.
const MAX_TIMEOUT_SECONDS: u64 = 99_999_999;
/// How long an express execution may take.
pub(crate) const EXPRESS_SECONDS: u64 = 300;

/// How many steps a definition has.
pub(super) fn steps(definition: &Definition) -> usize {
    fn count(steps: Option<&Steps>) -> usize {
        let steps = steps.map(|steps| steps.0.as_slice()).unwrap_or_default();
        let inside = |step: &Step| {
            let branches = step.branches.iter().flat_map(|branches| branches.values());
            count(step.steps.as_ref()) + branches.map(|branch| count(branch.steps.as_ref())).sum::<usize>()
        };
        steps.iter().map(|(_, step)| 1 + inside(step)).sum()
    }
    count(definition.steps.as_ref())
}

pub(super) fn too_many(document: &Document, steps: usize) -> Problem {
    let message = format!(
        "a workflow has at most {MAX_STEPS} steps, not {steps}; move parts into workflows of their own"
    );
    document.problem("/steps", "too-many-steps", message)
}

impl Checker<'_> {
    pub(super) fn limits(&mut self, root: &Region<'_>) {
        let nodes = root.all_nodes();
        self.time(self.definition.timeout, &Pointer::root().join("timeout"));
        for node in &nodes {
            self.time(node.step.timeout, &node.pointer.join("timeout"));
        }
        if self.definition.mode == Some(Mode::Express) {
            self.express(root);
        }
        let object =
            self.definition.input.as_ref().and_then(|schema| schema.get("type")).is_none_or(|kind| {
                kind == "object"
                    || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
            });
        if !object {
            let message = "the input of an execution is an object: write 'type: object'";
            self.add(&Pointer::root().join("input").join("type"), "bad-value", message);
        }
    }

    fn time(&mut self, timeout: Option<Span>, pointer: &Pointer) {
        if timeout.is_some_and(|timeout| timeout.as_seconds() > MAX_TIMEOUT_SECONDS) {
            self.add(pointer, "bad-duration", "a timeout is at most 1157d");
        }
    }

    fn express(&mut self, root: &Region<'_>) {
        let mode = Pointer::root().join("mode");
        if self.definition.timeout.is_some_and(|timeout| timeout.as_seconds() > EXPRESS_SECONDS) {
            self.add(
                &mode,
                "bad-mode",
                "express executions take at most 5m; shorten 'timeout', or use 'standard'",
            );
        }
        for node in root.all_nodes().into_iter().filter(|node| matches!(node.kind, Kind::Task)) {
            let waits = self.catalogue.get(node.activity()).is_some_and(|spec| {
                spec.wait == Wait::TaskToken || spec.takes.contains(&StepOption::Escalate)
            });
            if waits {
                let message = format!(
                    "'{}' waits for someone, which express executions cannot; use 'standard'",
                    node.name
                );
                self.add(&mode, "bad-mode", message);
            }
        }
    }
}
