//! The OpenAPI document.

use crate::{Artifact, catalogue::document};

pub(crate) fn artifacts() -> Vec<Artifact> {
    vec![Artifact { path: "docs/reference/openapi.json", content: document(&toss_functions_api::openapi()) }]
}
