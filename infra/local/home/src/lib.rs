//! The home on one machine, built from the template: gateway, functions, services, event sources, timers.

mod iam;
mod sources;
pub mod template;
