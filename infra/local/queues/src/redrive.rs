//! Where a queue's messages go when nobody can handle them, and who may send such messages here.

use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::refusal;

const MOST_RECEIPTS: u64 = 1000;
const MOST_SOURCES: usize = 10;

/// After how many receipts a message goes to which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    pub(crate) target_arn: String,
    pub(crate) most_receipts: u32,
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum RedriveAllowPolicy {
    #[default]
    AllowAll,
    DenyAll,
    ByQueue(Vec<String>),
}

impl RedrivePolicy {
    pub(crate) fn read(text: &str) -> Result<Self, ServiceError> {
        let invalid = || refusal::invalid_attribute("RedrivePolicy");
        let policy: Value = serde_json::from_str(text).map_err(|_| invalid())?;
        let count = &policy["maxReceiveCount"];
        // Written as a number or as a text: SQS takes both.
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok()).ok_or_else(invalid)?;
        if !(1..=MOST_RECEIPTS).contains(&count) {
            return Err(invalid());
        }
        Ok(Self {
            target_arn: policy["deadLetterTargetArn"].as_str().ok_or_else(invalid)?.to_owned(),
            most_receipts: u32::try_from(count).map_err(|_| invalid())?,
        })
    }

    pub(crate) fn to_json(&self) -> String {
        json!({ "deadLetterTargetArn": self.target_arn, "maxReceiveCount": self.most_receipts }).to_string()
    }
}

impl RedriveAllowPolicy {
    pub(crate) fn read(text: &str) -> Result<Self, ServiceError> {
        let invalid = || refusal::invalid_attribute("RedriveAllowPolicy");
        let policy: Value = serde_json::from_str(text).map_err(|_| invalid())?;
        let sources = policy.get("sourceQueueArns");
        match (policy["redrivePermission"].as_str(), sources) {
            (Some("allowAll"), None) => Ok(Self::AllowAll),
            (Some("denyAll"), None) => Ok(Self::DenyAll),
            (Some("byQueue"), Some(Value::Array(arns))) if !arns.is_empty() && arns.len() <= MOST_SOURCES => {
                let arns: Option<_> = arns.iter().map(|arn| arn.as_str().map(str::to_owned)).collect();
                arns.map(Self::ByQueue).ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }

    pub(crate) fn admits(&self, source_arn: &str) -> bool {
        match self {
            Self::AllowAll => true,
            Self::DenyAll => false,
            Self::ByQueue(arns) => arns.iter().any(|arn| arn == source_arn),
        }
    }
}
