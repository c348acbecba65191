//! The endpoints behind their gate, on tables in memory.

mod contract;
mod hostile;
mod keys;
mod machines;
mod support;
mod workflows;
mod tasks;
