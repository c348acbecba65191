//! The catalogue of activities, for the compiler and the checks of definitions.

use toss_kernel::activity::{ActivitySpec, Wait};
use toss_workflow::Catalogue;

use crate::Artifact;

pub(crate) fn artifacts() -> Vec<Artifact> {
    let native = Catalogue::embedded().iter().filter(|spec| spec.wait == Wait::Native).cloned();
    let catalogue = Catalogue::new(specs().into_iter().chain(native));
    vec![
        Artifact { path: "shared/workflow/catalogue.json", content: document(&catalogue.to_json()) },
        Artifact {
            path: "docs/reference/workflow.schema.json",
            content: document(&toss_workflow::schema(&catalogue)),
        },
    ]
}

/// What the activities of all groups say of themselves.
fn specs() -> Vec<ActivitySpec> {
    let mut specs = toss_functions_activities::specs();
    specs.extend(toss_functions_egress::specs());
    specs
}

/// A JSON document as it is committed: indented, with a newline at the end.
pub(crate) fn document(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
