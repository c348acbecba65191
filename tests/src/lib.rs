//! What crosses crates: one test binary, a module per feature.
