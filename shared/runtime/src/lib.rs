//! What every function starts with: configuration, telemetry, SDK clients, the Activity and Endpoint
//! traits, the API pipeline.
//!
//! A function of the platform is an [`Activity`], a [`Resource`](api::Resource) of the API, or a plain
//! [`Function`]. Each trust group lists its functions as [`FunctionDefinition`]s; the group's Lambda binary
//! passes that list to [`lambda::run`], which picks one by `_HANDLER`, and the local home builds each of them
//! with a [`Platform`] whose SDK clients stay in the process. A function cannot tell which of the two it is in.

pub mod activity;
pub mod api;
pub mod derived;
pub mod environment;
pub mod events;
pub mod function;
pub mod grant;
pub mod lambda;
pub mod platform;
pub mod scope;
pub mod sdk;
pub mod telemetry;
pub mod trigger;

pub use activity::{Activity, ActivityCall, ActivityError};
pub use environment::{ConfigurationError, Environment};
pub use function::{Function, FunctionDefinition, FunctionError, InvocationContext};
pub use grant::{Grant, Sizing};
pub use platform::Platform;
pub use sdk::Sdk;
pub use trigger::Trigger;
