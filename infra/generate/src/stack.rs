//! The generated stacks: a Lambda function for each entry of the registries.

mod activities;
mod api;
mod function;
mod policy;
mod workers;

use toss_runtime::FunctionDefinition;

use crate::Artifact;

pub(crate) fn artifacts() -> Vec<Artifact> {
    vec![
        Artifact { path: "infra/stacks/activities.yaml", content: activities::stack() },
        Artifact { path: "infra/stacks/api.yaml", content: api::stack() },
        Artifact { path: "infra/stacks/workers.yaml", content: workers::stack() },
    ]
}

/// A function and the binary that has it.
struct Member {
    binary: &'static str,
    definition: FunctionDefinition,
}

/// The functions of all groups but the API's.
fn members() -> Vec<Member> {
    let groups = [
        ("activities", toss_functions_activities::functions()),
        ("egress", toss_functions_egress::functions()),
        ("workers", toss_functions_workers::functions()),
    ];
    let members = groups.into_iter().flat_map(|(binary, definitions)| {
        definitions.into_iter().map(move |definition| Member { binary, definition })
    });
    members.collect()
}

/// What all generated stacks begin with: the platform's parameters and the functions' common properties.
fn head(description: &str, more_parameters: &str) -> String {
    let platform: String =
        PLATFORM_PARAMETERS.iter().map(|name| format!("  {name}:\n    Type: String\n")).collect();
    format!(
        r#"# Generated from the functions' registries by `cargo run -p toss-generate`; edit those instead.
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: "{description}"

Metadata:
  # All generated stacks take the same parameters; not every one uses every one.
  cfn-lint: {{ config: {{ ignore_checks: [W2001] }} }}

Parameters:
{platform}{more_parameters}
Globals:
  Function:
    Runtime: provided.al2023
    Architectures: [arm64]
    Tracing: Active
    LoggingConfig: {{ LogGroup: !Ref Logs, LogFormat: JSON, ApplicationLogLevel: INFO, SystemLogLevel: WARN }}
    Environment:
      Variables:
        TOSS_ENVIRONMENT: !Ref Environment
        TOSS_FUNCTION_PREFIX: !Ref Prefix

Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 90
"#
    )
}

/// Parameters that `template.yaml` passes to each generated stack.
const PLATFORM_PARAMETERS: [&str; 15] = [
    "Prefix",
    "Environment",
    "OutboundAllow",
    "DirectoryTable",
    "WorkTable",
    "AuditTable",
    "AuditStreamArn",
    "LimitsTable",
    "ApprovalsQueueUrl",
    "ApprovalsQueueArn",
    "WebhooksQueueUrl",
    "WebhooksQueueArn",
    "DataKeyArn",
    "LogKeyArn",
    "StateMachineRoleArn",
];
