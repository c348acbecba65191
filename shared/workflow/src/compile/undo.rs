//! Compensation.
//!
//! `$toss_undo` is a list of what completed, newest first: `{step, with, rest}`. Its parameters were evaluated
//! when the step completed. A failure is kept in `$toss_failure`; then one state after the other takes the
//! head off the list and undoes it, and at last the execution fails with the original error. Where the list is
//! known from the flow alone, the way leads to the right state at once; where it depends on the path, one
//! Choice decides. A compensation that fails is told in the cause, and the others still run.

use serde_json::{Map, Value, json};

use super::{
    Compiler, braces,
    edge::ERROR,
    names::{self, FAILED, UNDO},
    region::Building,
};
use crate::{
    expression::{self, Binding},
    plan::{Node, Undone},
};

impl Building<'_, '_> {
    /// The state that begins to undo a list.
    pub(super) fn undo_target(&mut self, undone: &Undone) -> String {
        let name = match undone {
            Undone::Depends => UNDO.to_owned(),
            Undone::Exactly(list) => list
                .first()
                .and_then(|index| self.region.nodes.get(*index))
                .map_or_else(|| FAILED.to_owned(), |node| names::undo(node.name)),
        };
        self.undo_targets.insert(name.clone());
        name
    }
}

impl Compiler<'_> {
    /// The new head of the list when a step completes.
    pub(super) fn completed(
        &self,
        building: &Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        bindings: &[Binding],
    ) -> Value {
        let with =
            node.step.compensate.as_ref().and_then(|compensate| compensate.with.clone()).unwrap_or_default();
        let rest = match building.lists.get(index).cloned().flatten() {
            Some(Undone::Exactly(list)) if list.is_empty() => Value::Null,
            Some(Undone::Exactly(_)) => braces("$toss_undo"),
            _ => braces("$exists($toss_undo) ? $toss_undo : null"),
        };
        json!({ "step": node.name, "with": expression::lower(&Value::Object(with), bindings), "rest": rest })
    }

    /// The states for undoing that something leads to.
    pub(super) fn undo_states(&mut self, building: &mut Building<'_, '_>) {
        let region = building.region;
        let steps: Vec<(usize, &Node<'_>)> = region
            .nodes
            .iter()
            .enumerate()
            .filter(|(index, node)| {
                node.step.compensate.is_some() && matches!(building.lists.get(*index), Some(Some(_)))
            })
            .collect();
        if building.undo_targets.contains(UNDO) {
            let choices: Vec<Value> = steps
                .iter()
                .map(|(_, node)| {
                    let name = names::undo(node.name);
                    building.undo_targets.insert(name.clone());
                    json!({ "Condition": braces(&format!("$toss_undo.step = \"{}\"", node.name)), "Next": name })
                })
                .collect();
            building.undo_targets.insert(FAILED.to_owned());
            building
                .states
                .insert(UNDO.to_owned(), json!({ "Type": "Choice", "Choices": choices, "Default": FAILED }));
        }
        // Undoing one step may lead to another, so this goes on until nothing new is led to.
        while let Some((index, node)) = steps.iter().rev().find(|(_, node)| {
            let name = names::undo(node.name);
            building.undo_targets.contains(&name) && !building.states.contains_key(&name)
        }) {
            let state = self.undo(building, *index, node);
            building.states.insert(names::undo(node.name), Value::Object(state));
        }
        if building.undo_targets.contains(FAILED) {
            let fail = json!({
                "Type": "Fail",
                "Error": "{% $toss_failure.error %}",
                "Cause": "{% $toss_failure.cause %}",
            });
            building.states.insert(FAILED.to_owned(), fail);
        }
    }

    fn undo(&mut self, building: &mut Building<'_, '_>, index: usize, node: &Node<'_>) -> Map<String, Value> {
        let catalogue = self.catalogue;
        let mut state = Map::new();
        state.insert("Type".to_owned(), json!("Task"));
        let Some(compensate) = &node.step.compensate else { return state };
        let Some(spec) = compensate.activity.as_deref().and_then(|name| catalogue.get(name)) else {
            return state;
        };
        let name = names::undo(node.name);
        self.call(&mut state, spec, &name, &braces("$toss_undo.with"), compensate.timeout.or(spec.timeout));
        state.insert("Retry".to_owned(), Value::Array(self.retry(spec, compensate.retry.as_ref())));
        let before = building.lists.get(index).cloned().flatten().unwrap_or(Undone::Depends);
        let next = building.undo_target(&before);
        let cause =
            format!("$toss_failure.cause & \" ({} could not be undone: \" & {ERROR} & \")\"", node.name);
        state.insert(
            "Catch".to_owned(),
            json!([{
                "ErrorEquals": ["States.ALL"],
                "Assign": {
                    "toss_undo": "{% $toss_undo.rest %}",
                    "toss_failure": { "error": "{% $toss_failure.error %}", "cause": braces(&cause) },
                },
                "Next": next,
            }]),
        );
        state.insert("Assign".to_owned(), json!({ "toss_undo": "{% $toss_undo.rest %}" }));
        state.insert("Next".to_owned(), json!(next));
        self.states.push((node.name.to_owned(), name));
        state
    }
}
