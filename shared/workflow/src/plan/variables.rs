//! Which variables some path may have set.

use std::collections::BTreeSet;

use super::{Goto, Node, Region, Via};

/// What may be set at the points of a region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// When each node begins.
    pub(crate) before: Vec<BTreeSet<String>>,
    /// When the region ends.
    pub(crate) at_end: BTreeSet<String>,
}

/// Follows all paths of a region that begins with `outer` set.
pub(crate) fn known_variables(region: &Region<'_>, outer: &BTreeSet<String>) -> Known {
    let mut known = Known { before: vec![BTreeSet::new(); region.nodes.len()], at_end: BTreeSet::new() };
    let mut begin = outer.clone();
    begin.extend(region.entry.iter().cloned());
    let mut open: Vec<usize> = Vec::new();
    if let Some(first) = known.before.first_mut() {
        *first = begin;
        open.push(0);
    }
    let mut visited = vec![false; region.nodes.len()];
    while let Some(index) = open.pop() {
        let (Some(node), Some(before)) = (region.nodes.get(index), known.before.get(index).cloned()) else {
            continue;
        };
        if let Some(flag) = visited.get_mut(index) {
            *flag = true;
        }
        for exit in &node.exits {
            let mut after = before.clone();
            after.extend(set_by(node, exit.via));
            match exit.to {
                Goto::Node(next) => {
                    let fresh = !visited.get(next).copied().unwrap_or(true);
                    if let Some(target) = known.before.get_mut(next)
                        && (fresh || !after.is_subset(target))
                    {
                        target.extend(after);
                        open.push(next);
                    }
                }
                Goto::End => known.at_end.extend(after),
                Goto::Nowhere => {}
            }
        }
    }
    known
}

/// What leaving a node this way sets.
pub(crate) fn set_by(node: &Node<'_>, via: Via) -> Option<String> {
    match via {
        Via::Done | Via::Round if node.has_result() => Some(node.name.to_owned()),
        Via::Catch(at) => {
            let catch = node.step.catch.as_ref().and_then(|catches| catches.get(at));
            catch.map(|catch| catch.variable().to_owned())
        }
        _ => None,
    }
}
