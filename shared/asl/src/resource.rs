//! What a Task calls.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The `Resource` of a Task.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskResource {
    arn: Arc<str>,
    kind: ResourceKind,
}

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A Lambda function named by its ARN: input and output are the payload itself.
    Function,
    /// An activity that workers poll.
    Activity,
    /// A service integration, such as `arn:aws:states:::sqs:sendMessage`.
    Service(Pattern),
    /// A call of the AWS SDK, such as `arn:aws:states:::aws-sdk:dynamodb:getItem`.
    Sdk(Pattern),
}

/// When a service integration counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// When the call answers.
    RequestResponse,
    /// When the job that the call started has ended (`.sync`).
    Sync,
    /// As `Sync`, with outputs as JSON instead of text (`.sync:2`).
    Sync2,
    /// When the token comes back (`.waitForTaskToken`).
    WaitForTaskToken,
}

impl TaskResource {
    /// Reads a resource ARN. Whether the service exists is not checked.
    #[must_use]
    pub fn parse(arn: &str) -> Option<Self> {
        // A definition whose substitutions have not been made yet can be checked, though not run.
        if arn.starts_with("${") {
            return Some(Self { arn: arn.into(), kind: ResourceKind::Function });
        }
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (_partition, service, _region, _account, rest) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let kind = match service {
            "lambda" => ResourceKind::Function,
            "states" if rest.starts_with("activity:") => ResourceKind::Activity,
            "states" => {
                let pattern = Pattern::of(rest);
                if rest.starts_with("aws-sdk:") {
                    ResourceKind::Sdk(pattern)
                } else {
                    ResourceKind::Service(pattern)
                }
            }
            _ => return None,
        };
        Some(Self { arn: arn.into(), kind })
    }

    /// The ARN as it was written.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// When the call counts as done.
    #[must_use]
    pub const fn pattern(&self) -> Pattern {
        match self.kind {
            ResourceKind::Service(pattern) | ResourceKind::Sdk(pattern) => pattern,
            ResourceKind::Function | ResourceKind::Activity => Pattern::RequestResponse,
        }
    }

    /// AWS's `resourceType`: `lambda`, `states`, `aws-sdk:dynamodb`, ...
    #[must_use]
    pub fn service(&self) -> &str {
        match self.kind {
            ResourceKind::Function => "lambda",
            ResourceKind::Activity => "activity",
            ResourceKind::Service(_) | ResourceKind::Sdk(_) => self.split().0,
        }
    }

    /// AWS's `resource`: `invoke`, `startExecution.sync:2`, `sendMessage.waitForTaskToken`, ...
    #[must_use]
    pub fn operation(&self) -> &str {
        self.split().1
    }

    /// The operation without its pattern: `invoke`, `startExecution`, ...
    #[must_use]
    pub fn action(&self) -> &str {
        let operation = self.operation();
        match self.pattern() {
            Pattern::RequestResponse => operation,
            Pattern::Sync | Pattern::Sync2 | Pattern::WaitForTaskToken => {
                operation.rsplit_once('.').map_or(operation, |(action, _)| action)
            }
        }
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.arn.splitn(6, ':').nth(5).unwrap_or_default();
        let prefix = if rest.starts_with("aws-sdk:") { "aws-sdk:".len() } else { 0 };
        match rest[prefix..].find(':') {
            Some(colon) => (&rest[..prefix + colon], &rest[prefix + colon + 1..]),
            None => (rest, ""),
        }
    }
}

impl Pattern {
    fn of(operation: &str) -> Self {
        if operation.ends_with(".sync") {
            Self::Sync
        } else if operation.ends_with(".sync:2") {
            Self::Sync2
        } else if operation.ends_with(".waitForTaskToken") {
            Self::WaitForTaskToken
        } else {
            Self::RequestResponse
        }
    }
}

impl fmt::Debug for TaskResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl fmt::Display for TaskResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl Serialize for TaskResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.arn)
    }
}

impl<'de> Deserialize<'de> for TaskResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let arn = String::deserialize(deserializer)?;
        Self::parse(&arn).ok_or_else(|| serde::de::Error::custom(format!("`{arn}` is not a task resource")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, ResourceKind, TaskResource};

    #[test]
    fn a_resource_is_told_as_histories_tell_it() {
        let resource = TaskResource::parse("arn:aws:states:::states:startExecution.sync:2").unwrap();
        assert_eq!((resource.service(), resource.operation()), ("states", "startExecution.sync:2"));
        assert_eq!((resource.action(), resource.pattern()), ("startExecution", Pattern::Sync2));
        let resource = TaskResource::parse("arn:aws:states:::aws-sdk:dynamodb:getItem").unwrap();
        assert_eq!((resource.service(), resource.operation()), ("aws-sdk:dynamodb", "getItem"));
        let function = TaskResource::parse("arn:aws:lambda:us-east-1:000000000000:function:pay").unwrap();
        assert_eq!(function.kind(), ResourceKind::Function);
        let activity = TaskResource::parse("arn:aws:states:us-east-1:000000000000:activity:pack").unwrap();
        assert_eq!(activity.kind(), ResourceKind::Activity);
    }
}
