//! Conditional, and Loop with `while`.

use serde_json::{Map, Value, json};

use super::{
    Compiler, braces,
    edge::{Edge, rounds, route},
    names,
    region::{Building, state},
};
use crate::{
    expression::{self, Binding, bind},
    plan::{Node, Undone, Via},
};

/// The most rounds of a loop that says nothing.
const DEFAULT_ROUNDS: u32 = 1000;

impl Compiler<'_> {
    pub(super) fn conditional(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
    ) -> Map<String, Value> {
        let mut state = state("Choice", node);
        let bindings = building.bindings(index);
        let mut choices = Vec::new();
        for (at, case) in node.step.cases.iter().flatten().enumerate() {
            let condition = condition(case.when.as_deref(), &bindings);
            let edge = self.edge(building, index, node, Via::Case(at));
            choices.push(route(building, &[("Condition", braces(&condition))], edge));
        }
        state.insert("Choices".to_owned(), Value::Array(choices));
        let edge = self.edge(building, index, node, Via::Otherwise);
        default(building, edge, &mut state);
        state
    }

    /// Stops, fails at the limit, or goes round.
    pub(super) fn rounds(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
    ) -> Map<String, Value> {
        let mut state = state("Choice", node);
        let bindings = building.bindings(index);
        let condition = condition(node.step.condition.as_deref(), &bindings);
        let stop = self.edge(building, index, node, Via::Done);
        let stop = route(building, &[("Condition", braces(&format!("$not({condition})")))], stop);
        let max = node.step.max.unwrap_or(DEFAULT_ROUNDS);
        let limit = self.limit(building, index, node, max);
        let limit =
            route(building, &[("Condition", braces(&format!("{} >= {max}", rounds(node.name))))], limit);
        state.insert("Choices".to_owned(), json!([stop, limit]));
        let round = self.edge(building, index, node, Via::Round);
        default(building, round, &mut state);
        state
    }

    fn limit(&mut self, building: &mut Building<'_, '_>, index: usize, node: &Node<'_>, max: u32) -> Edge {
        let failure = json!({
            "error": "Loop.LimitReached",
            "cause": format!("the loop '{}' went on after {max} rounds", node.name),
        });
        let undone = building.lists.get(index).cloned().flatten();
        if let Some(undone) = undone
            && undone != Undone::Exactly(Vec::new())
        {
            let next = Some(building.undo_target(&undone));
            let assign = Map::from_iter([("toss_failure".to_owned(), failure)]);
            return Edge { assign, next, output: None };
        }
        let name = names::about("Limit of", node.name, index);
        let fail = json!({ "Type": "Fail", "Error": failure["error"], "Cause": failure["cause"] });
        building.states.insert(name.clone(), fail);
        Edge { next: Some(name), ..Edge::default() }
    }

    /// The Fail state of a `fail` step; none where every way to it undoes something first.
    pub(super) fn failed_ending(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
    ) -> Option<Map<String, Value>> {
        if matches!(building.lists.get(index), Some(Some(undone)) if *undone != Undone::Exactly(Vec::new())) {
            return None;
        }
        let fail = node.step.fail.as_ref()?;
        let bindings = building.bindings(index);
        let mut state = state("Fail", node);
        for (key, text) in [("Error", &fail.error), ("Cause", &fail.cause)] {
            if let Some(text) = text {
                state.insert(key.to_owned(), expression::lower(&Value::String(text.clone()), &bindings));
            }
        }
        Some(state)
    }
}

fn condition(text: Option<&str>, bindings: &[Binding]) -> String {
    bind(&text.and_then(expression::source).unwrap_or_default(), bindings)
}

/// The way out of a Choice when no rule holds.
fn default(building: &mut Building<'_, '_>, edge: Edge, state: &mut Map<String, Value>) {
    if let Value::Object(mut entry) = route(building, &[], edge) {
        if let Some(next) = entry.shift_remove("Next") {
            state.insert("Default".to_owned(), next);
        }
        state.extend(entry);
    }
}
