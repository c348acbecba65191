//! The endpoints behind their gate, on tables in memory.

mod keys;
mod support;
