//! A service's answer as the HTTP response of the AWS JSON protocols.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use toss_local_protocol::ServiceError;

/// A complete response.
pub(crate) type Reply = Response<Bytes>;

/// Writes a result as the response of the service behind `prefix`.
pub(crate) fn reply(content_type: &'static str, prefix: &str, result: Result<Bytes, ServiceError>) -> Reply {
    let (status, body, error_code) = match result {
        Ok(body) => (StatusCode::OK, body, None),
        Err(error) => (
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Bytes::from(error.body().to_string()),
            Some((error.code, error.status)),
        ),
    };
    let checksum = prefix.starts_with("DynamoDB").then(|| crc32fast::hash(&body));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::try_from(request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(checksum) = checksum {
        headers.insert("x-amz-crc32", HeaderValue::from(checksum));
    }
    // SDKs from before SQS spoke JSON know its errors by their old names.
    if let Some((code, status)) = error_code
        && prefix == "AmazonSQS"
        && let Ok(value) = HeaderValue::try_from(format!(
            "{};{}",
            toss_local_queues::query_error_code(&code),
            if status < 500 { "Sender" } else { "Receiver" }
        ))
    {
        headers.insert("x-amzn-query-error", value);
    }
    response
}

/// A fresh request id, in the form of a UUID.
pub(crate) fn request_id() -> String {
    use std::fmt::Write as _;
    let mut bytes: [u8; 16] = std::array::from_fn(|_| rand::random());
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let _ = write!(id, "{byte:02x}");
    }
    id
}
