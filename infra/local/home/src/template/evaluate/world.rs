//! What all stacks of one evaluation share: the files, the resources found and what is wrong.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::naming::Place;
use crate::template::KeyIds;
use crate::template::node::Node;
use crate::template::problem::Problem;
use crate::template::source::TemplateSource;

/// A resource with its properties evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    /// The stack's name, such as `toss-Data`.
    pub(crate) stack: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) logical: String,
    pub(crate) kind: String,
    /// Its name on this machine.
    pub(crate) name: String,
    pub(crate) properties: Value,
    /// Where each property stands in its file.
    pub(crate) lines: BTreeMap<String, usize>,
}

/// What all stacks of one evaluation share.
pub(crate) struct World<'a> {
    pub(crate) source: &'a TemplateSource,
    pub(crate) place: Place,
    pub(crate) keys: &'a dyn KeyIds,
    documents: RefCell<BTreeMap<String, Option<Rc<Node>>>>,
    problems: RefCell<Vec<Problem>>,
    resources: RefCell<Vec<Resource>>,
}

impl<'a> World<'a> {
    /// An empty world over the files of a source.
    pub(crate) fn new(source: &'a TemplateSource, place: Place, keys: &'a dyn KeyIds) -> Self {
        Self {
            source,
            place,
            keys,
            documents: RefCell::default(),
            problems: RefCell::default(),
            resources: RefCell::default(),
        }
    }

    /// The document in a file, read once; a problem is told once too.
    pub(crate) fn document(&self, file: &str) -> Option<Rc<Node>> {
        if let Some(known) = self.documents.borrow().get(file) {
            return known.clone();
        }
        let document = match self.source.read(file) {
            Ok(text) => match Node::parse(&text) {
                Ok(node) => Some(Rc::new(node)),
                Err(unreadable) => {
                    self.problem(file, unreadable.line, None, unreadable.message);
                    None
                }
            },
            Err(message) => {
                self.problem(file, 1, None, message);
                None
            }
        };
        self.documents.borrow_mut().insert(file.to_owned(), document.clone());
        document
    }

    /// Notes that something is wrong; the same thing in the same place is noted once.
    pub(crate) fn problem(
        &self,
        file: &str,
        line: usize,
        resource: Option<&str>,
        message: impl Into<String>,
    ) {
        let problem = Problem {
            file: file.to_owned(),
            line,
            resource: resource.map(ToOwned::to_owned),
            message: message.into(),
        };
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// How many things are wrong so far.
    pub(crate) fn problem_count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Takes an evaluated resource in.
    pub(crate) fn found(&self, resource: Resource) {
        self.resources.borrow_mut().push(resource);
    }

    /// Everything found so far.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        self.resources.borrow().clone()
    }

    /// What is wrong.
    pub(crate) fn finish(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}
