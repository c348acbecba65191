//! Carrying out what executions ask for: calls, nested executions, distributed Maps.

mod distributed;
mod failures;
mod http;
mod lambda;
mod nested;
mod service;

use std::sync::Arc;

use toss_asl::{Effect, Failure, Invocation, Pattern, Payload, ResourceKind, Stimulus};

use crate::{core::Core, executions::Slot};

pub(crate) use distributed::{start_child, stop_child};
pub(crate) use nested::{Nested, cancel, tell_parent};

/// Carries out an effect and answers what came of it; `None` if the answer comes another way.
pub(crate) async fn perform(core: &Arc<Core>, slot: &Arc<Slot>, effect: Effect) -> Option<Stimulus> {
    match effect {
        Effect::InvokeTask(invocation) => invoke(core, slot, &invocation).await,
        Effect::ReadItems(read) => Some(distributed::read(core, slot, &read).await),
        Effect::WriteResults(write) => Some(distributed::write_results(core, slot, &write).await),
        Effect::Continue => Some(Stimulus::Continue),
        // The rest was done when the outcome was taken in, or before this was called.
        _ => None,
    }
}

async fn invoke(core: &Arc<Core>, slot: &Arc<Slot>, invocation: &Invocation) -> Option<Stimulus> {
    let role = match &invocation.role {
        Some(role) => Arc::clone(role),
        None => core.role_of(&slot.profile),
    };
    let task = invocation.task;
    let resource = &invocation.resource;
    if resource.service() == "states" && matches!(resource.kind(), ResourceKind::Service(_)) {
        return nested::start(core, slot, invocation).await;
    }
    let answer = call(core, invocation, &role).await;
    Some(match answer {
        Ok(output) if resource.pattern() == Pattern::WaitForTaskToken => {
            Stimulus::TaskSubmitted { task, output }
        }
        Ok(output) => Stimulus::TaskSucceeded { task, output },
        Err(failure) => Stimulus::TaskFailed { task, failure },
    })
}

/// Makes a call of a function or another service.
pub(crate) async fn call(core: &Core, invocation: &Invocation, role: &str) -> Answer {
    let resource = &invocation.resource;
    match (resource.kind(), resource.service()) {
        (ResourceKind::Function, _) => lambda::call_directly(core, invocation, role).await,
        (ResourceKind::Service(_), "lambda") => lambda::invoke(core, invocation, role).await,
        _ => service::call(core, invocation, role).await,
    }
}

/// A call's answer, or how the task fails.
pub(crate) type Answer = Result<Payload, Failure>;

/// A version 4 UUID.
pub(crate) fn random_uuid() -> String {
    uuid_of(rand::random())
}

/// A version 4 UUID of these bits.
pub(crate) fn uuid_of(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let text = format!("{bits:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}
