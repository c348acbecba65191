//! On one machine, too, a function may call what its role in the template names and nothing else.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use toss_local::{Home, Options, Registries, template::TemplateSource};

use crate::support::{
    client::Client,
    eventually, root,
    tenant::{PATIENCE, text},
};

const WRITE_DOWN: &str = "workflow: write-down\nsteps: { note: { activity: AuditLog, with: { action: note.made, target: x }, retry: { max: 0 }, end: true } }\n";

/// What lets a function write items, as the generated stacks say it.
const WRITES: &str =
    "Action: [dynamodb:ConditionCheckItem, dynamodb:DeleteItem, dynamodb:PutItem, dynamodb:UpdateItem]";

fn copy_template(to: &Path) {
    std::fs::create_dir_all(to.join("infra/stacks")).unwrap();
    std::fs::copy(root().join("template.yaml"), to.join("template.yaml")).unwrap();
    for stack in std::fs::read_dir(root().join("infra/stacks")).unwrap() {
        let stack = stack.unwrap();
        std::fs::copy(stack.path(), to.join("infra/stacks").join(stack.file_name())).unwrap();
    }
}

/// Takes the right to write items from one function's role.
fn take_writes_from(function: &str, template: &Path) {
    let path = template.join("infra/stacks/activities.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(&format!("\n  {function}:\n")).expect("the function stands in the stack");
    let (before, rest) = text.split_at(begin);
    let end = rest.find("\n\n").unwrap_or(rest.len());
    let (resource, after) = rest.split_at(end);
    assert!(resource.contains(WRITES), "{resource}");
    let narrowed = resource.replace(WRITES, "Action: [dynamodb:DescribeTable]");
    std::fs::write(&path, format!("{before}{narrowed}{after}")).unwrap();
}

/// Runs the workflow on the platform that a template describes.
async fn run(template: &Path) -> Value {
    let data = tempfile::tempdir().unwrap();
    let registries: Registries = BTreeMap::from([
        ("api".to_owned(), toss_functions_api::functions()),
        ("activities".to_owned(), toss_functions_activities::functions()),
        ("egress".to_owned(), toss_functions_egress::functions()),
        ("workers".to_owned(), toss_functions_workers::functions()),
    ]);
    let source = TemplateSource::Folder { root: template.join("template.yaml") };
    let home = Home::start(Options::new(data.path(), source, registries)).await.unwrap();
    home.ready().await.unwrap();
    let operator = Client::new(&home.api_url(), Some(home.operator_key()));
    let tenant =
        operator.post("/v1/tenants", &json!({ "name": "Acme", "plan": "standard" })).await.expect(201).json();
    let client = operator.with_key(&text(&tenant, "api_key"));
    client.post_yaml("/v1/workflows", WRITE_DOWN).await.expect(201);
    let execution =
        client.post("/v1/workflows/write-down/executions", &json!({ "input": {} })).await.expect(201).json();
    let path = format!("/v1/executions/{}", text(&execution, "id"));
    let ended = eventually("the execution's end", PATIENCE, async || {
        let execution = client.get(&path).await.ok();
        (execution["status"] != "running").then_some(execution)
    })
    .await;
    home.shutdown().await;
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_functions_role_does_not_name_is_refused() {
    let template = tempfile::tempdir().unwrap();
    copy_template(template.path());
    let allowed = run(template.path()).await;
    assert_eq!(allowed["status"], "succeeded", "{allowed}");

    take_writes_from("AuditLog", template.path());
    let refused = run(template.path()).await;
    assert_eq!(refused["status"], "failed", "{refused}");
}
