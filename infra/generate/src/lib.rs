//! Writes what the registries determine: generated stacks, the catalogue, the OpenAPI document.
//!
//! Each function says beside its code what it may touch, what invokes it and which routes it has. From that
//! come the files listed by [`artifacts`]. They are committed, so that a reviewer sees what a change does to the
//! deployment, and a test compares them with what the registries say now.

mod catalogue;
mod openapi;
mod stack;

use std::path::Path;

/// A generated file.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Where it is, from the project's root.
    pub path: &'static str,
    /// What is in it.
    pub content: String,
}

/// All generated files, as the registries determine them.
#[must_use]
pub fn artifacts() -> Vec<Artifact> {
    let mut artifacts = stack::artifacts();
    artifacts.extend(catalogue::artifacts());
    artifacts.extend(openapi::artifacts());
    artifacts
}

/// The paths of those that differ from the files below `root`.
#[must_use]
pub fn differing(root: &Path) -> Vec<&'static str> {
    let differs = |artifact: &Artifact| {
        std::fs::read_to_string(root.join(artifact.path)).map_or(true, |content| content != artifact.content)
    };
    artifacts().iter().filter(|artifact| differs(artifact)).map(|artifact| artifact.path).collect()
}
