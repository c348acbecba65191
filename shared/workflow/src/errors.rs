//! Names of errors: what an author writes, and what the state machine must match.

use std::collections::BTreeSet;

use toss_kernel::activity::{ActivitySpec, RetryClass};

use crate::{
    catalogue::Catalogue,
    plan::{Kind, Node, Region},
};

/// Errors of Lambda itself that pass by.
pub(crate) const TRANSIENT: [&str; 4] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
];

const STATES: [&str; 9] = [
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.TaskFailed",
    "States.Timeout",
];

/// The errors that a step can raise.
#[derive(Debug, Default)]
pub(crate) struct Raised<'c> {
    specs: Vec<&'c ActivitySpec>,
    /// Errors of `fail` endings inside the step.
    named: BTreeSet<String>,
}

impl<'c> Raised<'c> {
    pub(crate) fn by(node: &Node<'_>, catalogue: &'c Catalogue) -> Self {
        let mut raised = Self::default();
        raised.collect(node, catalogue);
        raised
    }

    pub(crate) fn by_activity(spec: &'c ActivitySpec) -> Self {
        Self { specs: vec![spec], named: BTreeSet::new() }
    }

    fn collect(&mut self, node: &Node<'_>, catalogue: &'c Catalogue) {
        match &node.kind {
            Kind::Task | Kind::While => self.specs.extend(catalogue.get(node.activity())),
            Kind::Fail => self.named.extend(node.step.fail.as_ref().and_then(|fail| fail.error.clone())),
            Kind::Map(_) | Kind::Parallel(_) => {
                for inner in node.regions().flat_map(Region::all_nodes) {
                    // What holds others is among them with its own nodes: looking into it again would take
                    // twice as long for each level.
                    if !matches!(inner.kind, Kind::Map(_) | Kind::Parallel(_)) {
                        self.collect(inner, catalogue);
                    }
                }
            }
            Kind::Conditional | Kind::Delay => {}
        }
    }

    /// The full names that a written name stands for; none when the step never raises it. `Timeout` is the
    /// activity's own and the step's, whichever clock rings first.
    pub(crate) fn expand(&self, name: &str) -> Vec<String> {
        if name == "*" {
            return vec!["States.ALL".to_owned()];
        }
        if STATES.contains(&name) || name.starts_with("Lambda.") || self.named.contains(name) {
            return vec![name.to_owned()];
        }
        let mut full: Vec<String> = Vec::new();
        for spec in &self.specs {
            let fits = name.split_once('.').is_none_or(|(activity, _)| activity == spec.activity_type);
            let short = name.split_once('.').map_or(name, |(_, short)| short);
            // Every activity refuses parameters that do not fit, whether its list says so or not.
            if fits && (spec.error(short).is_some() || short == "InvalidParameters") {
                let error = spec.full_error_name(short);
                if !full.contains(&error) {
                    full.push(error);
                }
            }
        }
        if name == "Timeout" {
            full.push("States.Timeout".to_owned());
        }
        full
    }

    /// The full names of those errors for which trying again can help.
    pub(crate) fn retryable(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for spec in &self.specs {
            for error in spec.errors.iter().filter(|error| error.class == RetryClass::Retryable) {
                let name = spec.full_error_name(&error.name);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The short names an author may write, for messages.
    pub(crate) fn short_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = self.named.clone();
        names.extend(self.specs.iter().flat_map(|spec| spec.errors.iter().map(|error| error.name.clone())));
        names.insert("Timeout".to_owned());
        names.into_iter().collect()
    }
}
