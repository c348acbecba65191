//! The flow: every step is reached, and from every step an ending.

use super::Checker;
use crate::plan::{Kind, Region};

impl Checker<'_> {
    pub(super) fn flow(&mut self, region: &Region<'_>) {
        let reachable = region.reachable();
        let ending = region.ending();
        let mut told = vec![false; region.nodes.len()];
        for (index, node) in region.nodes.iter().enumerate() {
            if !reachable.get(index).copied().unwrap_or(false) {
                let message =
                    format!("no path leads to '{}'; lead one there with 'next', or remove it", node.name);
                self.add(&node.pointer, "unreachable-step", message);
            } else if !ending.get(index).copied().unwrap_or(true) && !told.get(index).copied().unwrap_or(true)
            {
                let cycle = trapped(region, index);
                let names: Vec<&str> =
                    cycle.iter().filter_map(|at| region.nodes.get(*at)).map(|node| node.name).collect();
                let message = format!(
                    "from here no path leads to an ending ({}); add one, such as a Conditional that leaves",
                    names.join(", ")
                );
                self.add(&node.pointer, "endless-cycle", message);
                for at in cycle {
                    if let Some(flag) = told.get_mut(at) {
                        *flag = true;
                    }
                }
            }
            for inner in node.regions() {
                self.flow(inner);
                self.compensations_inside(inner);
            }
            if matches!(node.kind, Kind::Parallel(_) | Kind::Map(_))
                && node.regions().any(|inner| inner.nodes.is_empty())
            {
                self.add(&node.pointer, "missing-key", "there must be at least one step inside");
            }
        }
    }

    fn compensations_inside(&mut self, region: &Region<'_>) {
        for node in region.nodes.iter().filter(|node| node.step.compensate.is_some()) {
            let message = "a step inside a Parallel or a Loop over items cannot be compensated yet; \
                           use a Loop with 'while', or move the step out";
            self.add(&node.pointer.join("compensate"), "compensate-inside", message);
        }
    }
}

/// All nodes that are reached from one that reaches no ending.
fn trapped(region: &Region<'_>, from: usize) -> Vec<usize> {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(node) = seen.get(next).and_then(|index| region.nodes.get(*index)) {
        for successor in node.successors() {
            if !seen.contains(&successor) {
                seen.push(successor);
            }
        }
        next += 1;
    }
    seen
}
