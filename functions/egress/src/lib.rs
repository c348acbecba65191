//! Activities and senders that talk to the outside.
//!
//! One file for each; [`ACTIVITIES`] lists the activities, [`functions`] adds the worker that sends webhooks,
//! which stands here because this is the only group with a way out.

mod http_request;
mod send_notification;
#[cfg(test)]
mod testing;
mod webhook_delivery;

use toss_kernel::activity::ActivitySpec;
use toss_runtime::{FunctionDefinition, activity::Entry};

pub use http_request::HttpRequest;
pub use send_notification::SendNotification;

/// The activities of this group.
pub const ACTIVITIES: &[Entry] = &[Entry::of::<HttpRequest>(), Entry::of::<SendNotification>()];

/// The functions of this group, by their `Handler` names in the template.
#[must_use]
pub fn functions() -> Vec<FunctionDefinition> {
    ACTIVITIES.iter().map(Entry::definition).chain([webhook_delivery::DEFINITION]).collect()
}

/// The catalogue entries of this group's activities.
#[must_use]
pub fn specs() -> Vec<ActivitySpec> {
    ACTIVITIES.iter().map(Entry::spec).collect()
}
