//! The one way to call an embedded service.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::ServiceError;

/// Who calls a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Whoever holds the machine: calls over the loopback port with credentials of no function.
    Owner,
    /// A principal of the template, by the ARN of the role that it assumed.
    Role {
        /// The role's ARN, as the template's evaluation gave it.
        arn: String,
        /// The function or state machine that assumed it, for messages.
        session: String,
    },
}

/// A service that speaks one of the AWS JSON protocols.
pub trait JsonService: Send + Sync + 'static {
    /// What stands before the dot in `X-Amz-Target`, such as `AmazonSQS`.
    fn target_prefix(&self) -> &'static str;

    /// The content type of its answers: `application/x-amz-json-1.0` or `-1.1`.
    fn content_type(&self) -> &'static str;

    /// Carries out one operation. The caller has been authorised already.
    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>>;
}
