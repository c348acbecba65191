//! What the compiler is told beside the definition, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// For whom a definition is compiled. These become literals of the state machine, where no author reaches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileTarget {
    /// The tenant's id (`ten_…`).
    pub tenant: String,
    /// The workflow's id (`wf_…`).
    pub workflow_id: String,
    /// The workflow's name.
    pub name: String,
    /// The version, from 1.
    pub version: u64,
    /// What stands before `-<ActivityType>` in the names of the activities' functions.
    pub function_prefix: String,
}

/// A compiled definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// The state machine in the Amazon States Language. Equal definitions and targets give equal bytes.
    pub asl: Value,
    /// What kind of state machine it must be.
    pub mode: CompiledMode,
    /// Why that kind.
    pub reason: String,
    /// What the input of an execution must fit; checked when an execution starts.
    pub input_schema: Option<Value>,
    /// The activity types that the state machine calls, in alphabetical order.
    pub activities: Vec<String>,
    /// The states that steps became: `(step, state)`. A step that costs no state of its own is not in it.
    pub states: Vec<(String, String)>,
}

/// The kind of a state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CompiledMode {
    /// `STANDARD`
    Standard,
    /// `EXPRESS`
    Express,
}

/// A definition with problems is not compiled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the definition has {} problem(s); correct them first", problems.len())]
pub struct CompileError {
    /// What [`crate::check`] says.
    pub problems: Vec<Problem>,
}
