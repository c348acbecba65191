//! A call to the outside and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::OutboundError;

/// A call to the outside, with the caps it is made under.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Headers; those that frame a message or belong to a connection cannot be set.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time for all of it: resolving, connecting, every redirect, the whole answer.
    pub timeout: Duration,
    /// The most bytes of a body that are taken.
    pub largest_response: usize,
    /// How many redirects are followed; 0 answers the redirect itself.
    pub redirects: u8,
}

/// Headers that the client alone sets: they frame the message or belong to the connection.
const RESERVED: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl OutboundRequest {
    /// A call with 30 s for all of it, at most 1 MiB of answer and no redirects.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(30),
            largest_response: 1 << 20,
            redirects: 0,
        }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`OutboundError::BadRequest`] when the name or value is not one HTTP knows, or the client sets it itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OutboundError> {
        let bad = |what: &str| OutboundError::BadRequest { reason: format!("the header '{name}' {what}") };
        let parsed = HeaderName::try_from(name).map_err(|_| bad("has a name that HTTP does not allow"))?;
        if is_reserved(&parsed) {
            return Err(bad("is set by the platform and cannot be chosen"));
        }
        let value = HeaderValue::try_from(value).map_err(|_| bad("has a value that HTTP does not allow"))?;
        self.headers.append(parsed, value);
        Ok(self)
    }
}

pub(super) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, within the cap.
    pub body: Bytes,
    /// Where it came from: the URL asked for, or the last redirect's.
    pub url: Url,
}
