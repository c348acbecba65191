//! The flow of a definition: which step leads where. Checks, compiler and graph read it.
//!
//! A region is what becomes one set of states: the whole workflow, a round of a loop over items, a branch. The
//! steps of a loop with `while` belong to the region around it, since they become states in a cycle.

mod build;
mod lists;
mod variables;

use std::collections::BTreeMap;

use crate::{
    model::{Branch, Step},
    problem::Pointer,
};

pub(crate) use build::build;
pub(crate) use lists::{Undone, undo_lists};
pub(crate) use variables::{known_variables, set_by};

/// Steps that become states beside each other.
#[derive(Debug)]
pub(crate) struct Region<'d> {
    /// The step that the region belongs to, and the branch; none for the whole workflow.
    pub(crate) owner: Option<String>,
    pub(crate) nodes: Vec<Node<'d>>,
    /// Variables that hold a value when the region begins.
    pub(crate) entry: Vec<String>,
}

/// A step and what follows it.
#[derive(Debug)]
pub(crate) struct Node<'d> {
    pub(crate) name: &'d str,
    pub(crate) step: &'d Step,
    pub(crate) pointer: Pointer,
    pub(crate) kind: Kind<'d>,
    pub(crate) exits: Vec<Exit>,
}

#[derive(Debug)]
pub(crate) enum Kind<'d> {
    Task,
    Conditional,
    Delay,
    Parallel(Vec<(&'d str, Region<'d>)>),
    Map(Region<'d>),
    While,
    Fail,
}

/// A way out of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) via: Via,
    pub(crate) to: Goto,
}

/// Why a step is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// It is done; a loop with `while` stops.
    Done,
    /// This case holds.
    Case(usize),
    /// No case holds.
    Otherwise,
    /// This catch takes the error.
    Catch(usize),
    /// A loop with `while` goes on.
    Round,
}

/// Where an exit leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goto {
    /// To this node of the region.
    Node(usize),
    /// To the region's end.
    End,
    /// Nobody knows: the definition has a problem there.
    Nowhere,
}

impl<'d> Region<'d> {
    pub(crate) fn start(&self) -> Option<&Node<'d>> {
        self.nodes.first()
    }

    /// Which nodes can be reached from the first.
    pub(crate) fn reachable(&self) -> Vec<bool> {
        let mut seen = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = if self.nodes.is_empty() { Vec::new() } else { vec![0] };
        while let Some(index) = open.pop() {
            let (Some(flag), Some(node)) = (seen.get_mut(index), self.nodes.get(index)) else { continue };
            if !std::mem::replace(flag, true) {
                open.extend(node.successors());
            }
        }
        seen
    }

    /// From which nodes an ending can be reached.
    pub(crate) fn ending(&self) -> Vec<bool> {
        let mut ends: Vec<bool> = self.nodes.iter().map(Node::ends).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for (index, node) in self.nodes.iter().enumerate() {
                let can_end = node.successors().any(|next| ends.get(next).copied().unwrap_or(false));
                if let Some(flag) = ends.get_mut(index).filter(|flag| !**flag && can_end) {
                    *flag = true;
                    changed = true;
                }
            }
        }
        ends
    }

    /// Whether the first node is reached again.
    pub(crate) fn start_repeats(&self) -> bool {
        self.nodes.iter().any(|node| node.successors().any(|next| next == 0))
    }

    /// This region's nodes and those of all regions inside, in order.
    pub(crate) fn all_nodes(&self) -> Vec<&Node<'d>> {
        let mut nodes = Vec::new();
        for node in &self.nodes {
            nodes.push(node);
            for region in node.regions() {
                nodes.extend(region.all_nodes());
            }
        }
        nodes
    }
}

impl<'d> Node<'d> {
    pub(crate) fn successors(&self) -> impl Iterator<Item = usize> + '_ {
        self.exits.iter().filter_map(|exit| match exit.to {
            Goto::Node(index) => Some(index),
            Goto::End | Goto::Nowhere => None,
        })
    }

    /// Whether it ends the region itself. What leads nowhere counts, since that is told already.
    fn ends(&self) -> bool {
        matches!(self.kind, Kind::Fail)
            || self.exits.iter().any(|exit| matches!(exit.to, Goto::End | Goto::Nowhere))
    }

    pub(crate) fn regions(&self) -> impl Iterator<Item = &Region<'d>> {
        let regions: Vec<&Region<'d>> = match &self.kind {
            Kind::Parallel(branches) => branches.iter().map(|(_, region)| region).collect(),
            Kind::Map(region) => vec![region],
            _ => Vec::new(),
        };
        regions.into_iter()
    }

    pub(crate) fn exit(&self, via: Via) -> Option<Goto> {
        self.exits.iter().find(|exit| exit.via == via).map(|exit| exit.to)
    }

    /// The variable of a loop over items.
    pub(crate) fn item_name(&self) -> &'d str {
        self.step.item_name.as_deref().unwrap_or("item")
    }

    pub(crate) fn activity(&self) -> &'d str {
        self.step.activity.as_deref().unwrap_or_default()
    }

    /// Whether its result can be bound: everything that ends with a result.
    pub(crate) fn has_result(&self) -> bool {
        matches!(self.kind, Kind::Task | Kind::Parallel(_) | Kind::Map(_) | Kind::While)
    }
}

/// The branches of a Parallel in a fixed order.
fn branches(step: &Step) -> impl Iterator<Item = (&String, &Branch)> {
    step.branches.as_ref().into_iter().flat_map(BTreeMap::iter)
}
