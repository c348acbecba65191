//! `Ref` and `Fn::GetAtt`: what a resource is called from elsewhere in its stack.

use serde_json::{Value, json};

use super::Stack;
use super::naming;
use crate::template::node::Node;

impl Stack<'_, '_> {
    /// The value of `Ref name`; `None` is `AWS::NoValue`, or a problem that has been told.
    pub(super) fn reference(&self, name: &str, line: usize) -> Option<Value> {
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            return self.pseudo(pseudo, line);
        }
        if let Some(node) = self.declared(name) {
            return Some(self.resource_reference(name, node));
        }
        // What the SAM transform would add beside a declared resource.
        if name == "ServerlessRestApi" {
            return Some(json!(naming::stable_id(&self.name, name)));
        }
        if let Some((api, "Stage")) = name.split_once('.')
            && let Some(node) = self.declared(api)
        {
            let stage = node.get("Properties").and_then(|properties| properties.get("StageName"));
            return Some(stage.and_then(|stage| self.value(stage)).unwrap_or_else(|| json!("Prod")));
        }
        if let Some((function, "Version" | "Alias")) = name.split_once('.')
            && let Some(node) = self.declared(function)
        {
            return self
                .world
                .place
                .resource_arn(Self::kind_of(node), &self.physical_name(function, node))
                .map(Value::String);
        }
        if let Some(function) = self.implicit_role(name) {
            return Some(json!(format!("{}-{function}Role", self.name)));
        }
        self.report(line, format!("Ref {name}: there is no parameter or resource of that name"));
        None
    }

    fn pseudo(&self, name: &str, line: usize) -> Option<Value> {
        let place = &self.world.place;
        Some(match name {
            "NoValue" => return None,
            "Region" => json!(place.region),
            "AccountId" => json!(place.account),
            "Partition" => json!("aws"),
            "URLSuffix" => json!("amazonaws.com"),
            "StackName" => json!(self.name),
            "StackId" => json!(place.arn("cloudformation", &format!("stack/{}/local", self.name))),
            "NotificationARNs" => json!([]),
            other => {
                self.report(line, format!("AWS::{other} is not a pseudo parameter that this home knows"));
                return None;
            }
        })
    }

    fn resource_reference(&self, logical: &str, node: &Node) -> Value {
        let name = self.physical_name(logical, node);
        let kind = Self::kind_of(node);
        match kind {
            "AWS::SQS::Queue" => json!(self.world.place.queue_url(&name)),
            "AWS::Serverless::Api" | "AWS::ApiGateway::RestApi" => {
                json!(naming::stable_id(&self.name, logical))
            }
            "AWS::IAM::ManagedPolicy"
            | "AWS::StepFunctions::StateMachine"
            | "AWS::Serverless::StateMachine"
            | "AWS::SNS::Topic" => json!(self.world.place.resource_arn(kind, &name)),
            "AWS::Serverless::Application" | "AWS::CloudFormation::Stack" => {
                json!(self.world.place.arn("cloudformation", &format!("stack/{}-{logical}/local", self.name)))
            }
            _ => json!(name),
        }
    }

    /// The value of `Fn::GetAtt [logical, attribute]`.
    pub(super) fn attribute(&self, logical: &str, attribute: &str, line: usize) -> Option<Value> {
        let Some(node) = self.declared(logical) else {
            if attribute == "Arn"
                && let Some(function) = self.implicit_role(logical)
            {
                return Some(json!(self.world.place.iam_arn(&format!("role/{}-{function}Role", self.name))));
            }
            self.report(line, format!("Fn::GetAtt {logical}.{attribute}: there is no resource of that name"));
            return None;
        };
        let kind = Self::kind_of(node);
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            let outputs = self.nested_outputs(logical, node);
            let value = outputs.get(output).cloned();
            if value.is_none() {
                self.report(line, format!("the stack {logical} has no output {output}"));
            }
            return value;
        }
        let name = self.physical_name(logical, node);
        let value = match (kind, attribute) {
            ("AWS::DynamoDB::Table", "StreamArn") => Some(
                self.world
                    .place
                    .arn("dynamodb", &format!("table/{name}/stream/{}", crate::template::STREAM_LABEL)),
            ),
            ("AWS::SQS::Queue", "QueueName") => Some(name.clone()),
            ("AWS::SQS::Queue", "QueueUrl") => Some(self.world.place.queue_url(&name)),
            ("AWS::KMS::Key", "KeyId") => Some(name.clone()),
            ("AWS::Serverless::Api" | "AWS::ApiGateway::RestApi", "RootResourceId" | "RestApiId") => {
                Some(naming::stable_id(&self.name, logical))
            }
            ("AWS::IAM::Role", "RoleId") => Some(naming::stable_id(&self.name, logical)),
            ("AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine", "Name") => {
                Some(name.clone())
            }
            (_, "Arn" | "PolicyArn" | "TopicArn") => {
                self.world.place.resource_arn(kind, &name).or_else(|| self.stand_in(kind, &name))
            }
            _ => self.stand_in(kind, &name),
        };
        if value.is_none() {
            self.report(
                line,
                format!("Fn::GetAtt {logical}.{attribute}: {kind} has no such attribute in this home"),
            );
        }
        value.map(Value::String)
    }

    /// What stands for an attribute of a resource that the home leaves out: it ends in another such resource.
    fn stand_in(&self, kind: &str, name: &str) -> Option<String> {
        let service = kind.split("::").nth(1)?.to_ascii_lowercase();
        crate::template::build::harmless(kind).then(|| self.world.place.arn(&service, name))
    }

    /// The function whose role SAM would make under this name.
    fn implicit_role<'n>(&self, name: &'n str) -> Option<&'n str> {
        let function = name.strip_suffix("Role")?;
        let node = self.declared(function)?;
        (Self::kind_of(node) == "AWS::Serverless::Function").then_some(function)
    }
}
