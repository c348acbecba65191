//! Names of states that no step wrote. They hold a space, which no step's name does.

/// The longest name of a state.
const MAX_STATE_NAME: usize = 80;

/// A state's name about a region or step; `ordinal` stands for it when the name would be too long.
pub(super) fn about(what: &str, owner: &str, ordinal: usize) -> String {
    let name = format!("{what} {owner}");
    if name.len() <= MAX_STATE_NAME { name } else { format!("{what} {ordinal}") }
}

/// The state that chooses what is undone next.
pub(super) const UNDO: &str = "Undo next";
/// The failed ending after everything is undone.
pub(super) const FAILED: &str = "Fail after undo";

pub(super) fn undo(step: &str) -> String {
    format!("Undo {step}")
}
