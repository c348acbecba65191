//! The wire form that the embedded AWS services share: JSON operations, callers and errors.
//!
//! DynamoDB, SQS, Step Functions and KMS all speak the AWS JSON protocols: an HTTP `POST` whose
//! `X-Amz-Target` header is `<service prefix>.<operation>` and whose body is one JSON document. A service
//! here is therefore one function from (caller, operation, body) to a body or an error; where the bytes come
//! from, a socket or a function's SDK in the same process, is the home's affair.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

mod error;
mod service;

pub use error::ServiceError;
pub use service::{Caller, JsonService};
