//! `catch` and `retry`: only errors that can happen, and none after everything is caught.

use super::{Checker, suggest};
use crate::{
    errors::Raised,
    model::{OneOrMany, Retry},
    plan::{Kind, Node},
    problem::Pointer,
};

impl Checker<'_> {
    pub(super) fn errors(&mut self, node: &Node<'_>) {
        let known = match node.kind {
            Kind::Task => self.catalogue.get(node.activity()).is_some(),
            Kind::Map(_) | Kind::Parallel(_) => true,
            _ => false,
        };
        if !known {
            return;
        }
        let catalogue = self.catalogue;
        let raised = Raised::by(node, catalogue);
        let mut all = false;
        for (at, catch) in node.step.catch.iter().flatten().enumerate() {
            let pointer = node.pointer.join("catch").join(at);
            if all {
                let message = "the catch before takes all errors, so this one is never reached; put it first";
                self.add(&pointer, "unreachable-catch", message);
            }
            match &catch.on {
                None => all = true,
                Some(names) => all |= self.error_names(names, &raised, &pointer.join("on")),
            }
        }
        self.retries(node.step.retry.as_ref(), &raised, &node.pointer.join("retry"));
        if let Some(compensate) = &node.step.compensate
            && let Some(spec) = compensate.activity.as_deref().and_then(|name| catalogue.get(name))
        {
            let raised = Raised::by_activity(spec);
            self.retries(compensate.retry.as_ref(), &raised, &node.pointer.join("compensate").join("retry"));
        }
    }

    fn retries(&mut self, retry: Option<&OneOrMany<Retry>>, raised: &Raised<'_>, pointer: &Pointer) {
        let Some(retry) = retry else { return };
        let mut all = false;
        for (at, entry) in retry.as_slice().iter().enumerate() {
            let pointer = match retry {
                OneOrMany::One(_) => pointer.clone(),
                OneOrMany::Many(_) => pointer.join(at),
            };
            if all {
                self.add(
                    &pointer,
                    "unreachable-retry",
                    "the retry before takes all errors; put this one first",
                );
            }
            if let Some(names) = &entry.on {
                all |= self.error_names(names, raised, &pointer.join("on"));
            }
            if let (Some(interval), Some(most)) = (entry.interval, entry.max_interval)
                && most <= interval
            {
                let message = format!("the longest wait must be longer than the first, which is {interval}");
                self.add(&pointer.join("max_interval"), "bad-value", message);
            }
        }
    }

    /// Whether all errors are meant.
    fn error_names(&mut self, names: &[String], raised: &Raised<'_>, pointer: &Pointer) -> bool {
        let mut all = false;
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let full = raised.expand(name);
            all |= full.iter().any(|name| name == "States.ALL");
            if full.is_empty() {
                let known = raised.short_names();
                let hint = suggest::nearest(name, known.iter().map(String::as_str)).map_or_else(
                    || format!("it raises {}", known.join(", ")),
                    |near| format!("did you mean '{near}'?"),
                );
                let message = format!("the step never raises '{name}'; {hint}");
                self.add(&pointer.join(at), "unknown-error", message);
            }
        }
        if all && names.len() > 1 {
            self.add(pointer, "conflict", "'*' means all errors; leave the other names out, or '*'");
        }
        all
    }
}
