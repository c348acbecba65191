//! Queue consumers, stream readers and timers.

mod audit_sealer;
mod execution_events;

use toss_runtime::FunctionDefinition;

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    vec![audit_sealer::DEFINITION, execution_events::DEFINITION]
}
