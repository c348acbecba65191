//! What happens on the way from one state to the next.

use serde_json::{Map, Value, json};
use toss_kernel::activity::Wait;

use super::{
    Compiler, braces,
    region::{Building, goto},
};
use crate::{
    expression::{self, Binding},
    model::Catch,
    plan::{Goto, Kind, Node, Undone, Via},
};

/// A transition: what is bound, what is answered, and where it leads.
#[derive(Debug, Default)]
pub(super) struct Edge {
    pub(super) assign: Map<String, Value>,
    /// The state that follows; none at an ending.
    pub(super) next: Option<String>,
    /// What an ending answers.
    pub(super) output: Option<Value>,
}

impl Compiler<'_> {
    /// The transition by which a node is left.
    pub(super) fn edge(
        &self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        via: Via,
    ) -> Edge {
        let mut edge = Edge::default();
        let mut bindings = building.bindings(index);
        if index == 0 {
            edge.assign.extend(building.kept.iter().map(|entry| (entry.name.clone(), braces(&entry.source))));
        }
        match via {
            Via::Done | Via::Round => {
                if let Some(result) = self.result(node, via) {
                    if self.reads.contains(node.name) || matches!(node.kind, Kind::While) {
                        edge.assign.insert(node.name.to_owned(), braces(&result));
                    }
                    bindings.insert(0, Binding::new(node.name, result));
                }
                if via == Via::Done && node.step.compensate.is_some() {
                    let entry = self.completed(building, index, node, &bindings);
                    edge.assign.insert("toss_undo".to_owned(), entry);
                }
            }
            Via::Catch(at) => {
                let catch = node.step.catch.as_ref().and_then(|catches| catches.get(at));
                let name = catch.map_or("caught", Catch::variable);
                if self.reads.contains(name) {
                    edge.assign.insert(building.catch_variable(name), caught());
                }
                let value = format!(r#"{{"error": {ERROR}, "cause": {CAUSE}}}"#);
                bindings.insert(0, Binding::new(name, value));
            }
            Via::Case(_) | Via::Otherwise => {}
        }
        match goto(node, via) {
            Goto::Node(next) => self.arrive(building, next, &bindings, &mut edge),
            Goto::End | Goto::Nowhere => edge.output = self.ending_output(building, node, via, &bindings),
        }
        edge
    }

    /// Leads to a node. A failed ending costs no state of its own when something must be undone first.
    fn arrive(&self, building: &mut Building<'_, '_>, next: usize, bindings: &[Binding], edge: &mut Edge) {
        let Some(target) = building.region.nodes.get(next) else { return };
        let undone = building.lists.get(next).cloned().flatten();
        if let (Some(fail), Some(undone)) = (&target.step.fail, undone)
            && undone != Undone::Exactly(Vec::new())
        {
            let error = Value::String(fail.error.clone().unwrap_or_default());
            let cause = Value::String(fail.cause.clone().unwrap_or_default());
            let failure = json!({
                "error": expression::lower(&error, bindings),
                "cause": expression::lower(&cause, bindings),
            });
            edge.assign.insert("toss_failure".to_owned(), failure);
            edge.next = Some(building.undo_target(&undone));
            return;
        }
        edge.next = Some(target.name.to_owned());
    }

    fn ending_output(
        &self,
        building: &Building<'_, '_>,
        node: &Node<'_>,
        via: Via,
        bindings: &[Binding],
    ) -> Option<Value> {
        let step = node.step;
        let explicit = match via {
            Via::Case(at) => {
                step.cases.as_ref().and_then(|cases| cases.get(at)).and_then(|case| case.output.as_ref())
            }
            Via::Catch(at) => step
                .catch
                .as_ref()
                .and_then(|catches| catches.get(at))
                .and_then(|catch| catch.output.as_ref()),
            Via::Done | Via::Round | Via::Otherwise => step.output.as_ref(),
        };
        let whole = if building.is_root() { self.definition.output.as_ref() } else { None };
        if let Some(output) = explicit.or(whole) {
            return Some(expression::lower(output, bindings));
        }
        match (via, self.result(node, via)) {
            (Via::Done, Some(result)) => Some(braces(&result)),
            _ => Some(Value::Null),
        }
    }

    /// The expression for a node's result when it is left.
    pub(super) fn result(&self, node: &Node<'_>, via: Via) -> Option<String> {
        match &node.kind {
            Kind::Task => {
                let waits =
                    self.catalogue.get(node.activity()).is_some_and(|spec| spec.wait == Wait::TaskToken);
                Some(if waits { "$states.result" } else { "$states.result.Payload" }.to_owned())
            }
            Kind::Map(_) => Some("$states.result".to_owned()),
            Kind::Parallel(branches) => {
                let members = branches.iter().enumerate();
                let members = members.map(|(at, (name, _))| format!("\"{name}\": $states.result[{at}]"));
                Some(format!("{{{}}}", members.collect::<Vec<_>>().join(", ")))
            }
            Kind::While => {
                let rounds = rounds(node.name);
                Some(match via {
                    Via::Round => format!(r#"{{"iterations": {rounds} + 1, "done": false}}"#),
                    _ => format!(r#"{{"iterations": {rounds}, "done": true}}"#),
                })
            }
            Kind::Conditional | Kind::Delay | Kind::Fail => None,
        }
    }

    /// Writes the one way out of a state that is not a Choice.
    pub(super) fn leave(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        state: &mut Map<String, Value>,
    ) {
        let edge = self.edge(building, index, node, Via::Done);
        if !edge.assign.is_empty() {
            state.insert("Assign".to_owned(), Value::Object(edge.assign));
        }
        match edge.next {
            Some(next) => {
                // What leaves a state is what its event in the history shows.
                if let (Kind::Task, Some(result)) = (&node.kind, self.result(node, Via::Done)) {
                    state.insert("Output".to_owned(), braces(&result));
                }
                state.insert("Next".to_owned(), json!(next));
            }
            None => {
                if let Some(output) = edge.output {
                    state.insert("Output".to_owned(), output);
                }
                state.insert("End".to_owned(), json!(true));
            }
        }
    }

    /// The catchers of a state, and one of our own where a failure must undo something.
    pub(super) fn catch(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        state: &mut Map<String, Value>,
    ) {
        let raised = crate::errors::Raised::by(node, self.catalogue);
        let mut catchers = Vec::new();
        let mut all = false;
        for (at, catch) in node.step.catch.iter().flatten().enumerate() {
            let names: Vec<String> = match &catch.on {
                None => vec!["States.ALL".to_owned()],
                Some(names) => names.iter().flat_map(|name| raised.expand(name)).collect(),
            };
            all |= names.iter().any(|name| name == "States.ALL");
            let edge = self.edge(building, index, node, Via::Catch(at));
            catchers.push(route(building, &[("ErrorEquals", json!(names))], edge));
        }
        let undone = building.lists.get(index).cloned().flatten();
        if let Some(undone) = undone
            && !all
            && undone != Undone::Exactly(Vec::new())
        {
            let next = building.undo_target(&undone);
            let mut assign = Map::new();
            assign.insert("toss_failure".to_owned(), caught());
            let edge = Edge { assign, next: Some(next), output: None };
            catchers.push(route(building, &[("ErrorEquals", json!(["States.ALL"]))], edge));
        }
        if !catchers.is_empty() {
            state.insert("Catch".to_owned(), Value::Array(catchers));
        }
    }
}

/// A catcher or a rule of a Choice: what ends there leads to the region's Succeed state.
pub(super) fn route(building: &mut Building<'_, '_>, head: &[(&str, Value)], edge: Edge) -> Value {
    let mut entry: Map<String, Value> =
        head.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    if !edge.assign.is_empty() {
        entry.insert("Assign".to_owned(), Value::Object(edge.assign));
    }
    if let Some(output) = edge.output {
        entry.insert("Output".to_owned(), output);
    }
    let next = edge.next.unwrap_or_else(|| {
        building.needs_end = true;
        building.end_name.clone()
    });
    entry.insert("Next".to_owned(), json!(next));
    Value::Object(entry)
}

/// The caught error's name. Neither it nor the cause is always there: a timeout has no cause.
pub(super) const ERROR: &str =
    r#"($exists($states.errorOutput.Error) ? $states.errorOutput.Error : "States.TaskFailed")"#;
/// The caught error's cause. A function's is a document, in which the sentence for people stands as `errorMessage`.
const CAUSE: &str = r#"($cause := $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ""; $contains($cause, /^\{"error.*"errorMessage":".*\}$/) ? $parse($cause).errorMessage : $cause)"#;

/// The value of a caught error's variable.
pub(super) fn caught() -> Value {
    json!({ "error": braces(ERROR), "cause": braces(CAUSE) })
}

/// How many rounds a loop with `while` has run: none when it is entered again.
pub(super) fn rounds(name: &str) -> String {
    format!("($exists(${name}.iterations) and $not(${name}.done) ? ${name}.iterations : 0)")
}
