//! Evaluation of a template: parameters, conditions, references and intrinsic functions into plain JSON.

mod conditions;
mod functions;
mod naming;
mod references;
mod stack;
mod substitute;
mod world;

pub(crate) use naming::Place;
pub(crate) use stack::{Outputs, Stack};
pub(crate) use world::{Resource, World};
