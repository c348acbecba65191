//! Activities that touch only the platform.
//!
//! One file for each; [`ACTIVITIES`] is the only list of them.

mod audit_log;
mod data_validation;
#[cfg(test)]
mod testing;
mod user_approval;

use toss_kernel::activity::ActivitySpec;
use toss_runtime::{FunctionDefinition, activity::Entry};

pub use audit_log::AuditLog;
pub use data_validation::DataValidation;
pub use user_approval::UserApproval;

/// The activities of this group.
pub const ACTIVITIES: &[Entry] =
    &[Entry::of::<AuditLog>(), Entry::of::<DataValidation>(), Entry::of::<UserApproval>()];

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    ACTIVITIES.iter().map(Entry::definition).collect()
}

/// The catalogue entries of this group's activities.
#[must_use]
pub fn specs() -> Vec<ActivitySpec> {
    ACTIVITIES.iter().map(Entry::spec).collect()
}
