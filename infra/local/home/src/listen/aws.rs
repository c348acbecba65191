//! The services' port, for boto3, the AWS CLI and Lambda binaries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use toss_local_protocol::ServiceError;

use super::sts;
use super::{Closing, connections};
use crate::services::{Credentials, Router, reply};

/// The most bytes of a body: DynamoDB's limit, the largest of the services'.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
const JSON: &str = "application/x-amz-json-1.0";

/// The services' port.
pub(crate) struct AwsPort {
    router: Arc<Router>,
    credentials: Arc<Credentials>,
}

impl AwsPort {
    /// A port over the services.
    pub(crate) fn new(router: Arc<Router>, credentials: Arc<Credentials>) -> Self {
        Self { router, credentials }
    }

    /// Serves until the home closes.
    pub(crate) async fn serve(self, listener: TcpListener, closing: Closing) {
        let port = Arc::new(self);
        connections(listener, closing, move |request, _| {
            let port = Arc::clone(&port);
            async move { port.answer(request).await }
        })
        .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            let message = "This port speaks the AWS JSON protocols: POST with X-Amz-Target. \
                           Point the AWS CLI or an SDK at it with --endpoint-url or AWS_ENDPOINT_URL.";
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "UnknownOperationException", message);
        }
        // A page in a browser can post to loopback, but not without saying where it is from.
        if parts.headers.contains_key("origin") {
            let message = "Requests of web pages are refused: the port is for programs on this machine.";
            return refusal(StatusCode::FORBIDDEN, "AccessDeniedException", message);
        }
        let collected = Limited::new(body, BODY_LIMIT).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, collected).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                let message = "The body broke off, or has more than 16 MB.";
                return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message);
            }
            Err(_) => {
                return refusal(
                    StatusCode::REQUEST_TIMEOUT,
                    "RequestTimeoutException",
                    "The body did not arrive.",
                );
            }
        };
        let caller = self.credentials.caller(header(&parts.headers, "authorization"));
        match header(&parts.headers, "x-amz-target") {
            Some(target) => self.router.answer(&caller, target, body).await,
            None => sts::answer(&caller, &body).unwrap_or_else(|| {
                let message = "The request has no X-Amz-Target. The query protocols of SQS and others are not spoken \
                               here: use a client that speaks JSON, which boto3 does since 1.28.83 and the AWS CLI \
                               since 2.13.33.";
                refusal(StatusCode::BAD_REQUEST, "UnknownOperationException", message)
            }),
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let error = ServiceError { status: status.as_u16(), ..ServiceError::client(code, message) };
    reply(JSON, "", Err(error))
}
