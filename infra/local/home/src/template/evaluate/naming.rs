//! The names and ARNs that resources get on this machine.

use ring::digest::{SHA256, digest};

/// The account and region that the home stands for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) account: String,
    /// Where queues are reached, such as `http://127.0.0.1:4566`.
    pub(crate) queue_endpoint: String,
}

impl Place {
    /// An ARN in this account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// An ARN of IAM, which knows no region.
    pub(crate) fn iam_arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.account)
    }

    /// A queue's URL.
    pub(crate) fn queue_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.queue_endpoint, self.account)
    }

    /// The ARN of a resource by its type and physical name; `None` for a type that has none.
    pub(crate) fn resource_arn(&self, kind: &str, name: &str) -> Option<String> {
        Some(match kind {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => {
                self.arn("lambda", &format!("function:{name}"))
            }
            "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => {
                self.arn("dynamodb", &format!("table/{name}"))
            }
            "AWS::SQS::Queue" => self.arn("sqs", name),
            "AWS::KMS::Key" => self.arn("kms", &format!("key/{name}")),
            "AWS::KMS::Alias" => self.arn("kms", name),
            "AWS::IAM::Role" => self.iam_arn(&format!("role/{name}")),
            "AWS::IAM::ManagedPolicy" => self.iam_arn(&format!("policy/{name}")),
            "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
                self.arn("states", &format!("stateMachine:{name}"))
            }
            "AWS::Events::Rule" => self.arn("events", &format!("rule/{name}")),
            "AWS::Events::EventBus" => self.arn("events", &format!("event-bus/{name}")),
            "AWS::Scheduler::Schedule" => self.arn("scheduler", &format!("schedule/default/{name}")),
            "AWS::Logs::LogGroup" => self.arn("logs", &format!("log-group:{name}:*")),
            "AWS::SNS::Topic" => self.arn("sns", name),
            "AWS::S3::Bucket" => format!("arn:aws:s3:::{name}"),
            _ => return None,
        })
    }
}

/// The property that may name a resource of this type.
pub(crate) fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
        "AWS::DynamoDB::Table" | "AWS::Serverless::SimpleTable" => "TableName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
        "AWS::StepFunctions::StateMachine" => "StateMachineName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::Events::Rule"
        | "AWS::Events::EventBus"
        | "AWS::Scheduler::Schedule"
        | "AWS::Serverless::StateMachine"
        | "AWS::Serverless::Api"
        | "AWS::ApiGateway::RestApi" => "Name",
        _ => return None,
    })
}

/// A short id such as API Gateway gives a REST API: the same at every start.
pub(crate) fn stable_id(stack: &str, logical: &str) -> String {
    let hash = digest(&SHA256, format!("{stack}/{logical}").as_bytes());
    hash.as_ref().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}
