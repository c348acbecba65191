//! Policy documents, and the policy templates that SAM knows by name.

use serde_json::{Value, json};

use super::fields::Fields;
use crate::iam::Statement;

/// Policies of AWS that allow nothing the home checks: logs, traces and network interfaces.
const HARMLESS_MANAGED: &[&str] = &[
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    "CloudWatchLambdaApplicationSignalsExecutionRolePolicy",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AmazonAPIGatewayPushToCloudWatchLogs",
];

/// Whether a policy of AWS is one that the home has no need to read.
pub(super) fn harmless_managed(name_or_arn: &str) -> bool {
    let name = name_or_arn.rsplit('/').next().unwrap_or_default();
    HARMLESS_MANAGED.contains(&name)
}

/// The statements of a policy document.
pub(super) fn document(fields: &Fields<'_>, document: &Value) -> Vec<Statement> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => {
            fields.problem("a policy document needs a Statement");
            Vec::new()
        }
    };
    statements.into_iter().filter_map(|statement| one(fields, statement)).collect()
}

/// One statement.
pub(super) fn one(fields: &Fields<'_>, statement: &Value) -> Option<Statement> {
    match Statement::from_json(statement) {
        Ok(statement) => Some(statement),
        Err(error) => {
            fields.problem(error.to_string());
            None
        }
    }
}

/// The document behind one of SAM's policy templates, such as `DynamoDBCrudPolicy: { TableName: t }`.
pub(super) fn sam_template(fields: &Fields<'_>, name: &str, arguments: &Value) -> Option<Value> {
    let place = fields.place();
    let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let table = || {
        let arn = place.arn("dynamodb", &format!("table/{}", text("TableName")));
        json!([arn, format!("{arn}/index/*")])
    };
    let (actions, resource) = match name {
        "DynamoDBReadPolicy" => (
            json!([
                "dynamodb:GetItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable"
            ]),
            table(),
        ),
        "DynamoDBWritePolicy" => {
            (json!(["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"]), table())
        }
        "DynamoDBCrudPolicy" => (
            json!([
                "dynamodb:GetItem",
                "dynamodb:DeleteItem",
                "dynamodb:PutItem",
                "dynamodb:Scan",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:BatchGetItem",
                "dynamodb:DescribeTable",
                "dynamodb:ConditionCheckItem"
            ]),
            table(),
        ),
        "SQSSendMessagePolicy" => (json!(["sqs:SendMessage*"]), json!(place.arn("sqs", &text("QueueName")))),
        "SQSPollerPolicy" => (
            json!([
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage"
            ]),
            json!(place.arn("sqs", &text("QueueName"))),
        ),
        "KMSDecryptPolicy" => {
            (json!("kms:Decrypt"), json!(place.arn("kms", &format!("key/{}", text("KeyId")))))
        }
        "KMSEncryptPolicy" => {
            (json!("kms:Encrypt"), json!(place.arn("kms", &format!("key/{}", text("KeyId")))))
        }
        "LambdaInvokePolicy" => (
            json!("lambda:InvokeFunction"),
            json!(place.arn("lambda", &format!("function:{}*", text("FunctionName")))),
        ),
        "StepFunctionsExecutionPolicy" => (
            json!("states:StartExecution"),
            json!(place.arn("states", &format!("stateMachine:{}", text("StateMachineName")))),
        ),
        _ => {
            fields.problem(format!("the policy template {name} is not known here: write its statements out"));
            return None;
        }
    };
    Some(json!({ "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resource }] }))
}
