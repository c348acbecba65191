//! Activities that touch only the platform.

use toss_runtime::FunctionDefinition;

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    Vec::new()
}
