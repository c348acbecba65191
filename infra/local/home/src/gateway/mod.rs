//! The public HTTP server: API Gateway's REST proxy integration on one machine.
//!
//! A request becomes the event that API Gateway would send ([`event`]), the function's answer becomes the
//! response ([`answer`]), and whatever cannot be either is refused with a problem document.

mod answer;
mod event;
mod handle;
mod query;
mod refusal;
mod route;
mod server;

pub(crate) use handle::Gateway;
pub(crate) use route::Routes;
pub(crate) use server::serve;
