//! The home on one machine, built from the template: gateway, functions, services, event sources, timers.
//!
//! [`Home::start`] reads the template ([`template`]) as CloudFormation and SAM would, and becomes what it says:
//! tables, queues, keys and state machines in a data directory, functions in this process or as Lambda
//! binaries, and whatever invokes them. What a role of the template does not allow is refused ([`iam`]).

mod functions;
mod gateway;
mod home;
pub mod iam;
mod listen;
mod services;
pub mod sources;
pub mod template;

pub use functions::Registries;
pub use home::{Addresses, Home, HomeError, Options, Parameters};
pub use services::dynamodb::TableError;
