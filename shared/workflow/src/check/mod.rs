//! Everything that is wrong with a definition, told at once.

mod errors;
mod expressions;
mod flow;
mod limits;
mod names;
mod parameters;
pub(crate) mod shape;
mod steps;
mod structure;
pub(crate) mod suggest;

pub(crate) use limits::EXPRESS_SECONDS;

use std::collections::BTreeMap;

use crate::{
    catalogue::Catalogue,
    model::Definition,
    plan::{self, Node, Region},
    problem::{Pointer, Problem},
    read::Document,
};

/// Checks a definition against a catalogue. No problems means that it compiles.
///
/// Problems come in the order of the author's text.
#[must_use]
pub fn check(document: &Document, catalogue: &Catalogue) -> Vec<Problem> {
    examine(document, catalogue).1
}

/// The definition as far as it is understood, and everything that is wrong with it.
pub(crate) fn examine(document: &Document, catalogue: &Catalogue) -> (Definition, Vec<Problem>) {
    let (definition, mut problems) = structure::understand(document);
    let steps = limits::steps(&definition);
    if steps > limits::MAX_STEPS {
        // What is checked from here on takes time with the square of the steps.
        problems.push(limits::too_many(document, steps));
        return (definition, problems);
    }
    let mut flow_problems = Vec::new();
    let root = plan::build(&definition, &mut flow_problems);
    let mut checker = Checker { document, catalogue, definition: &definition, problems: Vec::new() };
    for problem in flow_problems {
        checker.add(&problem.pointer, problem.code, problem.message);
    }
    checker.names(&root);
    checker.limits(&root);
    for node in root.all_nodes() {
        checker.step(node);
        checker.parameters(node);
        checker.errors(node);
    }
    checker.flow(&root);
    checker.expressions(&root);
    let found = checker.problems;
    // What is there and cannot be understood is not missing too.
    let misread = |problem: &Problem| {
        problem.code == "missing-key"
            && problems.iter().any(|known| {
                matches!(known.code.as_ref(), "bad-duration" | "wrong-type")
                    && known.pointer.rsplit_once('/').is_some_and(|(parent, _)| parent == problem.pointer)
            })
    };
    let found: Vec<Problem> = found.into_iter().filter(|problem| !misread(problem)).collect();
    problems.extend(found);
    problems.sort_by(|a, b| {
        (a.line, a.column, &a.pointer, &a.code).cmp(&(b.line, b.column, &b.pointer, &b.code))
    });
    problems.dedup();
    (definition, problems)
}

/// What all checks share.
struct Checker<'c> {
    document: &'c Document,
    catalogue: &'c Catalogue,
    definition: &'c Definition,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn add(&mut self, pointer: &Pointer, code: &'static str, message: impl Into<String>) {
        self.problems.push(self.document.problem(pointer.as_str(), code, message.into()));
    }
}

/// The steps of a definition by name.
fn by_name<'r, 'd>(root: &'r Region<'d>) -> BTreeMap<&'d str, &'r Node<'d>> {
    root.all_nodes().into_iter().map(|node| (node.name, node)).collect()
}

#[cfg(test)]
mod tests;
