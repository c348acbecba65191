//! From grants to IAM statements and environment variables.

use std::collections::{BTreeMap, BTreeSet};

use toss_runtime::{
    Grant,
    grant::{Queue, Table},
};

/// One statement: actions on resources, each written as YAML.
pub(super) struct Statement {
    pub(super) actions: Vec<&'static str>,
    pub(super) resources: Vec<String>,
}

/// The environment variables that grants imply, as YAML values.
pub(super) fn variables(grants: &[Grant]) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::new();
    for grant in grants {
        let (name, value) = match grant {
            Grant::Read(table) | Grant::Write(table) => {
                (table.variable(), format!("!Ref {}", parameter(*table)))
            }
            Grant::Send(queue) => (queue.variable(), format!("!Ref {}QueueUrl", queue_name(*queue))),
            Grant::Seal => ("TOSS_DATA_KEY_ID", "!Ref DataKeyArn".into()),
            Grant::Sign | Grant::PublicKey => ("TOSS_LOG_KEY_ID", "!Ref LogKeyArn".into()),
            Grant::ManageStateMachines => ("TOSS_STATE_MACHINE_ROLE_ARN", "!Ref StateMachineRoleArn".into()),
            Grant::CallOutside => ("TOSS_OUTBOUND_ALLOW", "!Ref OutboundAllow".into()),
            Grant::VerifyOperator => ("TOSS_OPERATOR_KEY_SHA256", "!Ref OperatorKeySha256".into()),
            Grant::StartExecutions
            | Grant::ReadExecutions
            | Grant::ControlExecutions
            | Grant::AnswerTasks => continue,
        };
        variables.insert(name, value);
    }
    variables
}

/// The statements that grants imply, each grant once, in a fixed order.
pub(super) fn statements(grants: &[Grant]) -> Vec<Statement> {
    let grants: BTreeSet<Grant> = grants.iter().copied().collect();
    grants.into_iter().flat_map(statements_of).collect()
}

fn statements_of(grant: Grant) -> Vec<Statement> {
    let one = |actions: &[&'static str], resources: Vec<String>| {
        vec![Statement { actions: actions.to_vec(), resources }]
    };
    match grant {
        Grant::Read(table) => one(
            &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            // Only the work table has indexes.
            if table == Table::Work {
                vec![table_arn(table), index_arn(table)]
            } else {
                vec![table_arn(table)]
            },
        ),
        Grant::Write(table) => one(
            &[
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ],
            vec![table_arn(table)],
        ),
        Grant::Send(queue) => one(&["sqs:SendMessage"], vec![format!("!Ref {}QueueArn", queue_name(queue))]),
        Grant::Seal => one(&["kms:Decrypt", "kms:GenerateDataKey"], vec!["!Ref DataKeyArn".into()]),
        Grant::Sign => one(&["kms:GetPublicKey", "kms:Sign"], vec!["!Ref LogKeyArn".into()]),
        Grant::PublicKey => one(&["kms:GetPublicKey"], vec!["!Ref LogKeyArn".into()]),
        Grant::ManageStateMachines => {
            let mut statements = one(
                &[
                    "states:CreateStateMachine",
                    "states:DeleteStateMachine",
                    "states:DescribeStateMachine",
                    "states:TagResource",
                ],
                vec![states_arn("stateMachine:wf_*")],
            );
            statements.extend(one(&["iam:PassRole"], vec!["!Ref StateMachineRoleArn".into()]));
            statements
        }
        Grant::StartExecutions => one(&["states:StartExecution"], vec![states_arn("stateMachine:wf_*")]),
        Grant::ReadExecutions => one(
            &["states:DescribeExecution", "states:GetExecutionHistory"],
            vec![states_arn("execution:wf_*")],
        ),
        Grant::ControlExecutions => {
            one(&["states:RedriveExecution", "states:StopExecution"], vec![states_arn("execution:wf_*")])
        }
        // These actions take no resource: the token names the execution.
        Grant::AnswerTasks => one(
            &["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"],
            vec!["\"*\"".into()],
        ),
        Grant::CallOutside | Grant::VerifyOperator => Vec::new(),
    }
}

const fn parameter(table: Table) -> &'static str {
    match table {
        Table::Directory => "DirectoryTable",
        Table::Work => "WorkTable",
        Table::Audit => "AuditTable",
        Table::Limits => "LimitsTable",
    }
}

pub(super) const fn queue_name(queue: Queue) -> &'static str {
    match queue {
        Queue::Approvals => "Approvals",
        Queue::Webhooks => "Webhooks",
    }
}

fn table_arn(table: Table) -> String {
    format!(
        "!Sub \"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{}}}\"",
        parameter(table)
    )
}

fn index_arn(table: Table) -> String {
    format!(
        "!Sub \"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{}}}/index/*\"",
        parameter(table)
    )
}

fn states_arn(resource: &str) -> String {
    format!("!Sub \"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:{resource}\"")
}
