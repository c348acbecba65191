//! The home on one machine, built from the template: gateway, functions, services, event sources, timers.

mod functions;
mod gateway;
pub mod iam;
mod listen;
mod services;
pub mod sources;
pub mod template;
