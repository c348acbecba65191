//! From the definition to its flow.

use std::collections::HashMap;

use super::{Exit, Goto, Kind, Node, Region, Via, branches};
use crate::{
    check::suggest,
    model::{Definition, Step, Steps},
    problem::Pointer,
};

/// A problem found on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowProblem {
    pub(crate) pointer: Pointer,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What comes after the last step of a block.
#[derive(Clone, Copy)]
enum AfterLast {
    /// Nothing: in the whole workflow an ending is written, not assumed.
    Unsaid,
    /// The round or branch ends.
    End,
    /// The loop's condition is tried again.
    Back(usize),
}

pub(crate) fn build<'d>(definition: &'d Definition, problems: &mut Vec<FlowProblem>) -> Region<'d> {
    let mut builder = Builder { nodes: Vec::new(), problems };
    if let Some(steps) = &definition.steps {
        builder.block(steps, &Pointer::root().join("steps"), AfterLast::Unsaid);
    }
    Region { owner: None, nodes: builder.nodes, entry: vec!["input".to_owned()] }
}

struct Builder<'d, 'p> {
    nodes: Vec<Node<'d>>,
    problems: &'p mut Vec<FlowProblem>,
}

/// The steps that may lead to each other.
struct Block<'d> {
    indices: HashMap<&'d str, usize>,
    after_last: AfterLast,
}

impl<'d> Builder<'d, '_> {
    fn block(&mut self, steps: &'d Steps, pointer: &Pointer, after_last: AfterLast) {
        let first = self.nodes.len();
        for (name, step) in &steps.0 {
            let pointer = pointer.join(name);
            let kind = self.kind(name, step, &pointer);
            self.nodes.push(Node { name, step, pointer, kind, exits: Vec::new() });
        }
        let indices = steps.0.iter().enumerate().map(|(at, (name, _))| (name.as_str(), first + at)).collect();
        let block = Block { indices, after_last };
        let last = first + steps.0.len();
        for (index, (_, step)) in (first..last).zip(&steps.0) {
            let following = if index + 1 < last { Some(index + 1) } else { None };
            let exits = self.exits(index, step, &block, following);
            if let Some(node) = self.nodes.get_mut(index) {
                node.exits = exits;
            }
        }
    }

    fn kind(&mut self, name: &str, step: &'d Step, pointer: &Pointer) -> Kind<'d> {
        if step.fail.is_some() {
            return Kind::Fail;
        }
        match step.activity.as_deref() {
            Some("Conditional") => Kind::Conditional,
            Some("Delay") => Kind::Delay,
            Some("Parallel") => Kind::Parallel(
                branches(step)
                    .map(|(branch, body)| {
                        let below = pointer.join("branches").join(branch).join("steps");
                        let region =
                            self.inner(body.steps.as_ref(), &below, format!("{name} {branch}"), Vec::new());
                        (branch.as_str(), region)
                    })
                    .collect(),
            ),
            Some("Loop") if step.condition.is_some() => Kind::While,
            Some("Loop") => {
                let item = step.item_name.as_deref().unwrap_or("item");
                let entry = vec![item.to_owned(), format!("{item}_index")];
                Kind::Map(self.inner(step.steps.as_ref(), &pointer.join("steps"), name.to_owned(), entry))
            }
            _ => Kind::Task,
        }
    }

    fn inner(
        &mut self,
        steps: Option<&'d Steps>,
        pointer: &Pointer,
        owner: String,
        entry: Vec<String>,
    ) -> Region<'d> {
        let mut builder = Builder { nodes: Vec::new(), problems: self.problems };
        if let Some(steps) = steps {
            builder.block(steps, pointer, AfterLast::End);
        }
        Region { owner: Some(owner), nodes: builder.nodes, entry }
    }

    fn exits(
        &mut self,
        index: usize,
        step: &'d Step,
        block: &Block<'d>,
        following: Option<usize>,
    ) -> Vec<Exit> {
        let Some(pointer) = self.nodes.get(index).map(|node| node.pointer.clone()) else { return Vec::new() };
        let mut exits = Vec::new();
        if step.fail.is_some() {
            return exits;
        }
        if step.activity.as_deref() == Some("Conditional") {
            for (at, case) in step.cases.iter().flatten().enumerate() {
                let pointer = pointer.join("cases").join(at);
                let to = self.chosen(block, &pointer, case.next.as_deref(), case.end, "the case");
                exits.push(Exit { via: Via::Case(at), to });
            }
            let to = match &step.otherwise {
                Some(name) => self.named(block, &pointer.join("otherwise"), name),
                None => self.following(block, &pointer, following, "the decision has no 'otherwise'"),
            };
            exits.push(Exit { via: Via::Otherwise, to });
            return exits;
        }
        let to = match (&step.next, step.end) {
            (Some(name), _) => self.named(block, &pointer.join("next"), name),
            (None, Some(true)) => block.end(),
            _ => {
                self.following(block, &pointer, following, "the last step has neither 'end: true' nor 'next'")
            }
        };
        exits.push(Exit { via: Via::Done, to });
        for (at, catch) in step.catch.iter().flatten().enumerate() {
            let pointer = pointer.join("catch").join(at);
            let to = self.chosen(block, &pointer, catch.next.as_deref(), catch.end, "the catch");
            exits.push(Exit { via: Via::Catch(at), to });
        }
        if let (Some("Loop"), Some(_), Some(body)) = (step.activity.as_deref(), &step.condition, &step.steps)
        {
            let first = self.nodes.len();
            self.block(body, &pointer.join("steps"), AfterLast::Back(index));
            let to = if first < self.nodes.len() { Goto::Node(first) } else { Goto::Nowhere };
            exits.push(Exit { via: Via::Round, to });
        }
        exits
    }

    /// Where a case or a catch leads: one of `next` and `end` must be said.
    fn chosen(
        &mut self,
        block: &Block<'d>,
        pointer: &Pointer,
        next: Option<&str>,
        end: Option<bool>,
        who: &str,
    ) -> Goto {
        match (next, end) {
            (Some(name), _) => self.named(block, &pointer.join("next"), name),
            (None, Some(true)) => block.end(),
            _ => {
                self.add(pointer, "missing-next", format!("{who} leads nowhere; add 'next' or 'end: true'"));
                Goto::Nowhere
            }
        }
    }

    /// An unknown name that is a slip of a known one is followed there, so that one slip is one problem.
    fn named(&mut self, block: &Block<'d>, pointer: &Pointer, name: &str) -> Goto {
        if let Some(index) = block.indices.get(name) {
            return Goto::Node(*index);
        }
        let own = self.nodes.iter().find(|node| pointer.is_below(&node.pointer)).map_or("", |node| node.name);
        let mut names: Vec<&str> = block.indices.keys().copied().filter(|name| *name != own).collect();
        names.sort_unstable();
        let near = suggest::nearest(name, names.iter().copied());
        let hint = near.map_or_else(
            || "; a step leads to steps of the same list".to_owned(),
            |near| format!("; did you mean '{near}'?"),
        );
        self.add(pointer, "unknown-step", format!("there is no step '{name}' here{hint}"));
        near.and_then(|near| block.indices.get(near)).map_or(Goto::Nowhere, |index| Goto::Node(*index))
    }

    fn following(
        &mut self,
        block: &Block<'d>,
        pointer: &Pointer,
        following: Option<usize>,
        why: &str,
    ) -> Goto {
        match (following, block.after_last) {
            (Some(index), _) | (None, AfterLast::Back(index)) => Goto::Node(index),
            (None, AfterLast::End) => Goto::End,
            (None, AfterLast::Unsaid) => {
                self.add(
                    pointer,
                    "missing-end",
                    format!("{why}, and no step follows; say how the workflow ends"),
                );
                Goto::Nowhere
            }
        }
    }

    fn add(&mut self, pointer: &Pointer, code: &'static str, message: String) {
        self.problems.push(FlowProblem { pointer: pointer.clone(), code, message });
    }
}

impl Block<'_> {
    fn end(&self) -> Goto {
        match self.after_last {
            AfterLast::Back(index) => Goto::Node(index),
            AfterLast::Unsaid | AfterLast::End => Goto::End,
        }
    }
}
