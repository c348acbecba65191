//! The definition language, the activity catalogue, the compiler to the Amazon States Language, and the templates.
//!
//! The way of a definition:
//!
//! 1. [`parse`] reads YAML or JSON into a [`Document`] that knows the line and column of every part.
//! 2. [`check`] tells everything that is wrong with it, each [`Problem`] with a pointer and a stable code.
//! 3. [`compile`] turns it into a state machine for one tenant ([`CompileTarget`] → [`Compiled`]).
//! 4. [`graph`] draws it.
//! 5. [`rehearse`] runs it with mocked results and a virtual clock, without a tenant.
//!
//! [`templates`] lists definitions with parameters; [`Template::instantiate`] answers a definition's text.
//! [`Catalogue`] holds the activity types. [`schema`] is the published JSON Schema of the language.

pub mod catalogue;
pub mod model;

mod check;
mod compile;
mod errors;
mod expression;
mod graph;
mod plan;
mod problem;
mod read;
mod rehearsal;
mod schema;
mod target;
mod template;

pub use catalogue::Catalogue;
pub use check::check;
pub use compile::compile;
pub use graph::graph;
pub use problem::{PROBLEM_CODES, Problem};
pub use read::{Document, Format, MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES, parse};
pub use rehearsal::{Call, Expectation, Rehearsal, Report, rehearse, unreached};
pub use schema::schema;
pub use target::{CompileError, CompileTarget, Compiled, CompiledMode};
pub use template::{Instance, Sample, Template, template, templates};
