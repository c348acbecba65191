//! From a request to the response, through the function that serves it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use toss_kernel::Clock;

use super::answer;
use super::event::{Arrival, Unfit, event};
use super::refusal::Refusal;
use super::route::{NoMatch, Routes};
use crate::functions::{Functions, InvokeError};
use crate::services::request_id;

/// API Gateway's limits.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
const HEADERS_LIMIT: usize = 10_240;
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The API on one machine.
pub(crate) struct Gateway {
    routes: Routes,
    functions: Arc<Functions>,
    stage: String,
    binary_media_types: Vec<String>,
    clock: Arc<dyn Clock>,
    port: u16,
}

impl Gateway {
    /// A gateway with these routes.
    pub(crate) fn new(
        routes: Routes,
        functions: Arc<Functions>,
        stage: String,
        binary_media_types: Vec<String>,
        clock: Arc<dyn Clock>,
        port: u16,
    ) -> Self {
        Self { routes, functions, stage, binary_media_types, clock, port }
    }

    /// Answers one request.
    pub(super) async fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Bytes> {
        let id = request_id();
        let at = self.clock.now();
        let (parts, body) = request.into_parts();
        let mut response = match self.attempt(&parts, body, peer, &id, at).await {
            Ok(response) => response,
            Err(refusal) => refusal.response(),
        };
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert("x-amzn-requestid", value);
        }
        response
    }

    async fn attempt(
        &self,
        parts: &Parts,
        body: Incoming,
        peer: SocketAddr,
        request_id: &str,
        at: Timestamp,
    ) -> Result<Response<Bytes>, Refusal> {
        if size(&parts.headers) > HEADERS_LIMIT {
            return Err(Refusal::HeadersTooLarge);
        }
        let found = self.routes.find(parts.method.as_str(), parts.uri.path()).map_err(|none| match none {
            NoMatch::Path => Refusal::NoRoute,
            NoMatch::Method(allowed) => Refusal::Method(allowed),
            NoMatch::Undecodable => Refusal::Path,
        })?;
        let body = collect(body).await?;
        let arrival = Arrival { request_id, peer, at, stage: &self.stage, port: self.port };
        let event =
            event(parts, &body, &found, &arrival, &self.binary_media_types).map_err(|unfit| match unfit {
                Unfit::Query => Refusal::Query,
                Unfit::Body => Refusal::Body,
            })?;
        let payload = Bytes::from(event.to_string());
        let invoked = self.functions.invoke(found.function, payload);
        match tokio::time::timeout(INTEGRATION_TIMEOUT, invoked).await {
            Err(_) => Err(Refusal::TimedOut),
            // A body of 10 MB is more than a function takes.
            Ok(Err(InvokeError::PayloadTooLarge { .. })) => Err(Refusal::BodyTooLarge),
            Ok(Err(_) | Ok(Err(_))) => Err(Refusal::Malformed),
            Ok(Ok(Ok(result))) => answer::response(&result).ok_or_else(|| {
                tracing::error!(function = found.function, request_id, "a function's answer is no response");
                Refusal::Malformed
            }),
        }
    }
}

fn size(headers: &HeaderMap) -> usize {
    // Name, colon, space, value and line end, as they came.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

async fn collect(body: Incoming) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_LIMIT).collect()).await {
        Err(_) => Err(Refusal::BodyTooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyBroken),
    }
}
