//! Activities and senders that talk to the outside.

mod webhook_delivery;

use toss_runtime::FunctionDefinition;

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    vec![webhook_delivery::DEFINITION]
}
