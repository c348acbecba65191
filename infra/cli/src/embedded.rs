//! The template and its stacks, as they were when this command was built: an installed `toss` needs no checkout.

/// Path from the project's root, and content.
pub(crate) const TEMPLATE: &[(&str, &str)] = &[
    ("template.yaml", include_str!("../../../template.yaml")),
    ("infra/stacks/activities.yaml", include_str!("../../stacks/activities.yaml")),
    ("infra/stacks/api.yaml", include_str!("../../stacks/api.yaml")),
    ("infra/stacks/data.yaml", include_str!("../../stacks/data.yaml")),
    ("infra/stacks/network.yaml", include_str!("../../stacks/network.yaml")),
    ("infra/stacks/observability.yaml", include_str!("../../stacks/observability.yaml")),
    ("infra/stacks/security.yaml", include_str!("../../stacks/security.yaml")),
    ("infra/stacks/workers.yaml", include_str!("../../stacks/workers.yaml")),
];
