//! The HTTP client for every call to the outside.

use std::{
    error::Error as StdError,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use toss_runtime::{ConfigurationError, Platform};
use url::Url;

use super::{
    Guard, OutboundError, OutboundPolicy, OutboundRequest, OutboundResponse, SystemResolver,
    connector::GuardedConnector, redirect, request::is_reserved,
};

/// The most bytes of an answer's status line and headers.
const LARGEST_HEAD: usize = 64 * 1024;

/// The most headers of an answer.
const MOST_HEADERS: usize = 128;

/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

type Inner = Client<HttpsConnector<GuardedConnector>, Full<Bytes>>;

/// Makes calls to the outside, through the guard. Cheap to clone; one for each function.
///
/// It has no cookies, takes no proxy from the environment, does not decompress, and follows redirects only
/// where a request says so. The trusted root certificates are the operating system's (on Lambda, the image's,
/// which AWS keeps current), read at the first call: a function that makes none does not wait for them.
#[derive(Clone)]
pub struct OutboundClient {
    guard: Guard,
    inner: Arc<OnceLock<Inner>>,
}

impl std::fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundClient").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the TLS library does not take its own default protocol versions")]
pub struct ClientError(#[source] rustls::Error);

impl OutboundClient {
    /// A client behind this guard.
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self { guard, inner: Arc::new(OnceLock::new()) }
    }

    /// The client of a function that was granted to call the outside: its policy is `TOSS_OUTBOUND_ALLOW`.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] when the allow list cannot be understood.
    pub fn of(platform: &Platform) -> Result<Self, ConfigurationError> {
        let setting = |name| platform.environment.get(name);
        let policy = OutboundPolicy::new(setting("TOSS_OUTBOUND_ALLOW"), setting("AWS_LAMBDA_RUNTIME_API"))
            .map_err(|error| ConfigurationError::Invalid {
            name: "TOSS_OUTBOUND_ALLOW",
            reason: error.to_string(),
        })?;
        Ok(Self::new(Guard::new(policy, SystemResolver)))
    }

    /// A client that trusts these certificate authorities and no others.
    ///
    /// # Errors
    /// [`ClientError`] when TLS cannot be configured.
    pub fn with_roots(guard: Guard, roots: RootCertStore) -> Result<Self, ClientError> {
        let inner = connect_with(guard.clone(), roots)?;
        Ok(Self { guard, inner: Arc::new(OnceLock::from(inner)) })
    }

    /// The guard, for checking a URL before it is stored.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    fn inner(&self) -> Result<&Inner, OutboundError> {
        if let Some(inner) = self.inner.get() {
            return Ok(inner);
        }
        let inner = connect_with(self.guard.clone(), system_roots())
            .map_err(|error| OutboundError::BadRequest { reason: error.to_string() })?;
        Ok(self.inner.get_or_init(|| inner))
    }

    /// Makes the call.
    ///
    /// # Errors
    /// [`OutboundError`]; an answer with any status is not an error.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let (host, after) = (host_of(&request.url), request.timeout);
        tokio::time::timeout(after, self.follow(request))
            .await
            .unwrap_or(Err(OutboundError::Timeout { host, after }))
    }

    async fn follow(&self, mut request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let follows = request.redirects > 0;
        loop {
            self.guard.check_url(&request.url)?;
            let host = host_of(&request.url);
            let answer = self
                .inner()?
                .request(http_request(&request)?)
                .await
                .map_err(|error| classify(&host, request.url.port_or_known_default(), error))?;
            if let Some(next) = redirect::next(&request, answer.status(), answer.headers())? {
                request = next;
                continue;
            }
            if follows && request.redirects == 0 && is_redirect(&answer) {
                return Err(OutboundError::Redirect { host, reason: "there were too many before it" });
            }
            let (head, body) = answer.into_parts();
            let body = read(body, &host, request.largest_response).await?;
            return Ok(OutboundResponse {
                status: head.status,
                headers: head.headers,
                body,
                url: request.url,
            });
        }
    }
}

fn is_redirect<B>(answer: &Response<B>) -> bool {
    matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        && answer.headers().contains_key(header::LOCATION)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be read is not trusted; with none at all every https call fails and says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn connect_with(guard: Guard, roots: RootCertStore) -> Result<Inner, ClientError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ClientError)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(GuardedConnector::new(guard));
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(4)
        .http1_max_buf_size(LARGEST_HEAD)
        .http1_max_headers(MOST_HEADERS)
        .build(connector))
}

fn http_request(request: &OutboundRequest) -> Result<Request<Full<Bytes>>, OutboundError> {
    let mut url = request.url.clone();
    url.set_fragment(None);
    let mut http = Request::builder()
        .method(request.method.clone())
        .uri(url.as_str())
        .body(Full::new(request.body.clone()))
        .map_err(|_| OutboundError::BadUrl { reason: "it is not a URI that HTTP can carry" })?;
    for (name, value) in &request.headers {
        if !is_reserved(name) {
            http.headers_mut().append(name, value.clone());
        }
    }
    http.headers_mut()
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("TOSS/", env!("CARGO_PKG_VERSION"))));
    http.headers_mut().entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    Ok(http)
}

async fn read(mut body: hyper::body::Incoming, host: &str, limit: usize) -> Result<Bytes, OutboundError> {
    let too_large = || OutboundError::TooLarge { host: host.to_owned(), limit };
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| classify(host, None, error))?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}

/// Finds what really happened among the causes of an HTTP client's error.
fn classify(host: &str, port: Option<u16>, error: impl StdError + Send + Sync + 'static) -> OutboundError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(tls) = this.downcast_ref::<rustls::Error>() {
            return OutboundError::Tls { host: host.to_owned(), reason: tls.to_string() };
        }
        if let Some(ours) = this.downcast_ref::<OutboundError>() {
            return repeat(ours, host, port);
        }
        // The cause inside an I/O error is not its `source`.
        cause = match this.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    OutboundError::Exchange { host: host.to_owned(), reason: deepest(&error) }
}

fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The connector's own error, of which the HTTP client only lends a reference.
fn repeat(error: &OutboundError, host: &str, port: Option<u16>) -> OutboundError {
    let copy = |source: &io::Error| io::Error::new(source.kind(), source.to_string());
    let host = host.to_owned();
    match error {
        OutboundError::Refused { class, .. } => OutboundError::Refused { host, class: *class },
        OutboundError::Dns { source, .. } => OutboundError::Dns { host, source: copy(source) },
        OutboundError::Connect { source, port: tried, .. } => {
            OutboundError::Connect { host, port: port.unwrap_or(*tried), source: copy(source) }
        }
        OutboundError::BadUrl { reason } => OutboundError::BadUrl { reason },
        other => OutboundError::Exchange { host, reason: other.to_string() },
    }
}
