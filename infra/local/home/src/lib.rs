//! The home on one machine, built from the template: gateway, functions, services, event sources, timers.

mod functions;
pub mod iam;
mod services;
pub mod sources;
pub mod template;
