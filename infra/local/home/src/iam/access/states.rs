//! Step Functions: state machines and executions by their ARN.

use serde_json::Value;

use super::{Access, AccessReader, text};

impl AccessReader {
    pub(super) fn states(&self, operation: &str, body: &Value) -> Vec<Access> {
        let action = format!("states:{operation}");
        let resource = match operation {
            "CreateStateMachine" => {
                self.arn("states", &format!("stateMachine:{}", text(body, "name").unwrap_or_default()))
            }
            // A token does not say whose it is before it is looked up.
            "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat" => {
                self.arn("states", "stateMachine:*")
            }
            _ => ["stateMachineArn", "executionArn", "resourceArn", "stateMachineVersionArn", "mapRunArn"]
                .iter()
                .find_map(|member| text(body, member))
                .unwrap_or("*")
                .to_owned(),
        };
        let mut accesses = vec![Access::new(action, resource)];
        if matches!(operation, "CreateStateMachine" | "UpdateStateMachine")
            && let Some(role) = text(body, "roleArn")
        {
            let mut pass = Access::new("iam:PassRole", role);
            pass.add_context("iam:PassedToService", vec!["states.amazonaws.com".into()]);
            accesses.push(pass);
        }
        accesses
    }
}
