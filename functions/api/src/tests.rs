//! The endpoints behind their gate, on tables in memory.

mod audit;
mod contract;
mod hostile;
mod keys;
mod machines;
mod support;
mod tasks;
mod webhooks;
mod workflows;
