//! Queue consumers, stream readers and timers.

mod approvals;
mod audit_sealer;
mod execution_events;
mod teller;
#[cfg(test)]
mod testing;
mod timers;

use toss_runtime::FunctionDefinition;

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    vec![approvals::DEFINITION, audit_sealer::DEFINITION, timers::DEFINITION, execution_events::DEFINITION]
}
