//! SQS: queues by their URL.

use serde_json::Value;

use super::{Access, AccessReader, text};

impl AccessReader {
    pub(super) fn sqs(&self, operation: &str, body: &Value) -> Vec<Access> {
        // A batch is allowed by whom the single operation is.
        let action = format!("sqs:{}", operation.strip_suffix("Batch").unwrap_or(operation));
        let resource = if let Some(url) = text(body, "QueueUrl") {
            self.arn("sqs", url.rsplit('/').next().unwrap_or_default())
        } else if let Some(arn) = text(body, "SourceArn") {
            arn.to_owned()
        } else if let Some(name) = text(body, "QueueName") {
            self.arn("sqs", name)
        } else {
            "*".to_owned()
        };
        vec![Access::new(action, resource)]
    }
}
