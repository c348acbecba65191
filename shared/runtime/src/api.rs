//! The API pipeline: from a REST proxy event to a typed request, and from a typed reply or a problem to a
//! response.
//!
//! The order is the same for every route: authenticate, limit the rate, authorise, look for an earlier answer
//! under the idempotency key, run the handler, keep the answer. A handler is an async function from
//! [`Request`] to [`Reply`] or [`Problem`]; it cannot be reached without a principal that may call it.

mod gate;
mod gateway;
mod pipeline;
mod problem;
mod request;
mod resource;
mod route;

pub use gate::{Admission, Attempt, Claim, Credential, Denial, Gate};
pub use gateway::{ProxyEvent, ProxyResponse};
pub use pipeline::Pipeline;
pub use problem::Problem;
pub use request::{Caller, NoQuery, Reply, Request};
pub use resource::{Resource, ResourceDescription, RouteDescription};
pub use route::{Access, BodyFormat, Route};
