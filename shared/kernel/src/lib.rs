//! Ids, tenant scope, errors, clock and durations: the vocabulary of the house, without I/O.
//!
//! Every other crate speaks in these types. Nothing here reads a file, a socket, the environment or the
//! time of day; what needs a clock or randomness is given one.

pub mod activity;
pub mod clock;
pub mod duration;
pub mod id;
pub mod principal;
pub mod scope;
pub mod secret;

pub use clock::{Clock, ManualClock, SystemClock};
pub use duration::{Span, SpanError};
pub use id::{IdError, Ids, RandomIds};
pub use principal::{Principal, Role};
pub use scope::TenantScope;
pub use secret::Secret;
