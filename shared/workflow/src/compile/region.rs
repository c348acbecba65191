//! The states of a region.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Compiler, braces, execution_binding, names};
use crate::{
    expression::{self, Binding},
    model::Catch,
    plan::{Goto, Kind, Node, Region, Undone, Via, undo_lists},
};

/// A region on its way to states.
pub(super) struct Building<'r, 'd> {
    pub(super) region: &'r Region<'d>,
    /// What must be undone when something fails in each node; empty when nothing ever is.
    pub(super) lists: Vec<Option<Undone>>,
    /// How the first node reads what holds a value when the region begins.
    pub(super) entry: Vec<Binding>,
    /// Bindings from around the region.
    pub(super) outer: Vec<Binding>,
    /// The variables of `entry` that other nodes read, so that the first one must assign them.
    pub(super) kept: Vec<Binding>,
    /// What is appended to the variables that catches set, since a region may not set a variable of the
    /// region around it.
    pub(super) suffix: Option<String>,
    pub(super) states: Map<String, Value>,
    pub(super) end_name: String,
    pub(super) needs_end: bool,
    /// States for undoing that are led to.
    pub(super) undo_targets: BTreeSet<String>,
}

impl Building<'_, '_> {
    pub(super) fn is_root(&self) -> bool {
        self.region.owner.is_none()
    }

    /// The bindings of expressions that are evaluated while a node runs.
    pub(super) fn bindings(&self, index: usize) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if index == 0 {
            bindings.extend(self.entry.iter().cloned());
        }
        bindings.extend(self.aliases());
        bindings.extend(self.outer.iter().cloned());
        bindings.push(execution_binding());
        bindings
    }

    /// The variables of catches under the names that authors know.
    fn aliases(&self) -> Vec<Binding> {
        if self.suffix.is_none() {
            return Vec::new();
        }
        let names: BTreeSet<&str> = self
            .region
            .nodes
            .iter()
            .flat_map(|node| node.step.catch.iter().flatten())
            .map(Catch::variable)
            .collect();
        names.into_iter().map(|name| Binding::new(name, format!("${}", self.catch_variable(name)))).collect()
    }

    pub(super) fn catch_variable(&self, name: &str) -> String {
        self.suffix.as_ref().map_or_else(|| name.to_owned(), |suffix| format!("toss_{name}_{suffix}"))
    }
}

impl Compiler<'_> {
    /// `StartAt` and `States` of a region.
    pub(super) fn region(&mut self, region: &Region<'_>, outer: &[Binding]) -> Map<String, Value> {
        let ordinal = self.regions;
        self.regions += 1;
        let mut building = self.begin(region, outer, ordinal);
        let mut start_at = region.start().map(|node| node.name.to_owned()).unwrap_or_default();
        if !building.kept.is_empty() && must_begin_apart(region) {
            let name = names::about("Begin", region.owner.as_deref().unwrap_or_default(), ordinal);
            let assign: Map<_, _> =
                building.kept.iter().map(|entry| (entry.name.clone(), braces(&entry.source))).collect();
            building
                .states
                .insert(name.clone(), json!({ "Type": "Pass", "Assign": assign, "Next": start_at }));
            building.entry.clear();
            building.kept.clear();
            start_at = name;
        }
        for index in 0..region.nodes.len() {
            self.node(&mut building, index);
        }
        if building.needs_end {
            building.states.insert(building.end_name.clone(), json!({ "Type": "Succeed" }));
        }
        self.undo_states(&mut building);
        let mut machine = Map::new();
        machine.insert("StartAt".to_owned(), json!(start_at));
        machine.insert("States".to_owned(), Value::Object(building.states));
        machine
    }

    fn begin<'r, 'd>(&self, region: &'r Region<'d>, outer: &[Binding], ordinal: usize) -> Building<'r, 'd> {
        let entry = self.entry(region);
        let others = self.read_elsewhere(region);
        let kept = entry.iter().filter(|binding| others.contains(&binding.name)).cloned().collect();
        let compensates = region.nodes.iter().any(|node| node.step.compensate.is_some());
        let owner = region.owner.as_deref();
        Building {
            region,
            lists: if compensates { undo_lists(region) } else { Vec::new() },
            entry,
            outer: outer.to_vec(),
            kept,
            suffix: owner.map(|_| ordinal.to_string()),
            states: Map::new(),
            end_name: owner
                .map_or_else(|| "The end".to_owned(), |owner| names::about("The end of", owner, ordinal)),
            needs_end: false,
            undo_targets: BTreeSet::new(),
        }
    }

    /// Where the values come from that a region begins with.
    fn entry(&self, region: &Region<'_>) -> Vec<Binding> {
        match region.entry.as_slice() {
            [input] => vec![Binding::new(input, "$states.context.Execution.Input")],
            [item, index] if self.reads.contains(index) => vec![
                Binding::new(item, format!("$states.input.{item}")),
                Binding::new(index, format!("$states.input.{index}")),
            ],
            [item, index] => vec![Binding::new(item, "$states.input"), Binding::new(index, "$states.input")],
            _ => Vec::new(),
        }
    }

    /// What all but the first node of a region read, and what is read inside the first.
    fn read_elsewhere(&self, region: &Region<'_>) -> BTreeSet<String> {
        let mut reads = BTreeSet::new();
        for (index, node) in region.nodes.iter().enumerate() {
            if index > 0 || region.start_repeats() {
                reads.extend(super::read_by(node));
            }
            // The root's entry is read from the context, which is known inside the first node too.
            if index > 0 || region.owner.is_some() {
                for inner in node.regions().flat_map(Region::all_nodes) {
                    reads.extend(super::read_by(inner));
                }
            }
        }
        if region.owner.is_none()
            && let Some(output) = &self.definition.output
            && region.nodes.len() > 1
        {
            expression::variables(output, &mut reads);
        }
        reads
    }

    fn node(&mut self, building: &mut Building<'_, '_>, index: usize) {
        let Some(node) = building.region.nodes.get(index) else { return };
        let state = match &node.kind {
            Kind::Task => self.task(building, index, node),
            Kind::Conditional => self.conditional(building, index, node),
            Kind::While => self.rounds(building, index, node),
            Kind::Delay => self.delay(building, index, node),
            Kind::Map(region) => self.map(building, index, node, region),
            Kind::Parallel(branches) => self.parallel(building, index, node, branches),
            Kind::Fail => match self.failed_ending(building, index, node) {
                Some(state) => state,
                None => return,
            },
        };
        building.states.insert(node.name.to_owned(), Value::Object(state));
        self.states.push((node.name.to_owned(), node.name.to_owned()));
    }

    fn delay(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
    ) -> Map<String, Value> {
        let mut state = state("Wait", node);
        let bindings = building.bindings(index);
        if let Some(duration) = &node.step.duration {
            let seconds = duration.0.parse::<toss_kernel::Span>().map_or_else(
                |_| expression::lower(&Value::String(duration.0.clone()), &bindings),
                |span| json!(span.as_seconds()),
            );
            state.insert("Seconds".to_owned(), seconds);
        } else if let Some(until) = &node.step.until {
            state.insert("Timestamp".to_owned(), expression::lower(&Value::String(until.clone()), &bindings));
        }
        self.leave(building, index, node, &mut state);
        state
    }

    fn map(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        region: &Region<'_>,
    ) -> Map<String, Value> {
        let mut state = state("Map", node);
        let bindings = building.bindings(index);
        if let Some(items) = &node.step.items {
            state.insert("Items".to_owned(), expression::lower(&items.0, &bindings));
        }
        let item = node.item_name();
        let counter = format!("{item}_index");
        if self.reads.contains(&counter) {
            let mut selector = Map::new();
            selector.insert(item.to_owned(), braces("$states.context.Map.Item.Value"));
            selector.insert(counter, braces("$states.context.Map.Item.Index"));
            state.insert("ItemSelector".to_owned(), Value::Object(selector));
        }
        state.insert("MaxConcurrency".to_owned(), json!(node.step.concurrency.unwrap_or(1)));
        let mut processor = Map::new();
        processor.insert("ProcessorConfig".to_owned(), json!({ "Mode": "INLINE" }));
        processor.extend(self.region(region, &inside(&bindings)));
        state.insert("ItemProcessor".to_owned(), Value::Object(processor));
        self.finish(building, index, node, &mut state);
        state
    }

    fn parallel(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        branches: &[(&str, Region<'_>)],
    ) -> Map<String, Value> {
        let mut state = state("Parallel", node);
        let bindings = inside(&building.bindings(index));
        let branches: Vec<Value> =
            branches.iter().map(|(_, region)| Value::Object(self.region(region, &bindings))).collect();
        state.insert("Branches".to_owned(), Value::Array(branches));
        self.finish(building, index, node, &mut state);
        state
    }

    /// Retry, catch and exit of a state that holds others.
    fn finish(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
        state: &mut Map<String, Value>,
    ) {
        let retry = self.retry_around(node);
        if !retry.is_empty() {
            state.insert("Retry".to_owned(), Value::Array(retry));
        }
        self.catch(building, index, node, state);
        self.leave(building, index, node, state);
    }
}

/// A state with its type and its title.
pub(super) fn state(kind: &str, node: &Node<'_>) -> Map<String, Value> {
    let mut state = Map::new();
    state.insert("Type".to_owned(), json!(kind));
    if let Some(title) = &node.step.title {
        state.insert("Comment".to_owned(), json!(title));
    }
    state
}

/// The bindings that hold inside a node's regions too: `$states.input` and `$states.result` mean others there.
fn inside(bindings: &[Binding]) -> Vec<Binding> {
    bindings
        .iter()
        .filter(|binding| !binding.source.starts_with("$states.input") && binding.name != "execution")
        .cloned()
        .collect()
}

/// Whether the region's first values cannot be bound by its first node: it comes again, or holds regions.
fn must_begin_apart(region: &Region<'_>) -> bool {
    region.owner.is_some()
        && (region.start_repeats() || region.start().is_some_and(|node| node.regions().next().is_some()))
}

/// Where an exit leads, for exits that are known to be there.
pub(super) fn goto(node: &Node<'_>, via: Via) -> Goto {
    node.exit(via).unwrap_or(Goto::End)
}
