//! Which completed steps must be undone when something fails, as far as that is known before the run.

use super::{Goto, Region, Via};

/// The steps to undo, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// Exactly these, whatever the path.
    Exactly(Vec<usize>),
    /// It depends on the path.
    Depends,
}

/// The steps to undo when a failure happens in each node of a region; `None` where no path leads.
pub(crate) fn undo_lists(region: &Region<'_>) -> Vec<Option<Undone>> {
    let mut lists: Vec<Option<Undone>> = vec![None; region.nodes.len()];
    let mut open = Vec::new();
    if let Some(first) = lists.first_mut() {
        *first = Some(Undone::Exactly(Vec::new()));
        open.push(0);
    }
    while let Some(index) = open.pop() {
        let (Some(node), Some(Some(before))) = (region.nodes.get(index), lists.get(index).cloned()) else {
            continue;
        };
        for exit in &node.exits {
            let Goto::Node(next) = exit.to else { continue };
            let after = match &before {
                Undone::Exactly(list) if exit.via == Via::Done && node.step.compensate.is_some() => {
                    Undone::Exactly(std::iter::once(index).chain(list.iter().copied()).collect())
                }
                other => other.clone(),
            };
            let Some(target) = lists.get_mut(next) else { continue };
            let joined = match target.as_ref() {
                None => after,
                Some(known) if *known == after => continue,
                Some(Undone::Depends) => continue,
                Some(Undone::Exactly(_)) => Undone::Depends,
            };
            *target = Some(joined);
            open.push(next);
        }
    }
    lists
}
