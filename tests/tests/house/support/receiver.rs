//! The outside that the platform calls: a bank that counts payments, and webhook endpoints.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    delay: Duration,
    /// Statuses that the next requests get, instead of 200.
    statuses: Vec<u16>,
}

/// A receiver on a free port, until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, state, accepting }
    }

    /// `http://127.0.0.1:<port>` and a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits so long before each answer, after the request was taken down.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Answers the next requests with these statuses.
    pub(crate) fn answer_next(&self, statuses: &[u16]) {
        self.lock().statuses = statuses.to_vec();
    }

    /// Everything that arrived on a path.
    pub(crate) fn on(&self, method: &Method, prefix: &str) -> Vec<Received> {
        let state = self.lock();
        state
            .received
            .iter()
            .filter(|one| one.method == *method && one.path.starts_with(prefix))
            .cloned()
            .collect()
    }

    /// The bodies that arrived on a path under each idempotency key.
    pub(crate) fn by_key(&self, method: &Method, prefix: &str) -> BTreeMap<String, Vec<Bytes>> {
        let mut bodies: BTreeMap<String, Vec<Bytes>> = BTreeMap::new();
        for one in self.on(method, prefix) {
            bodies.entry(one.header("idempotency-key").to_owned()).or_default().push(one.body);
        }
        bodies
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = parts.uri.path().to_owned();
    let (delay, status) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.push(Received {
            method: parts.method,
            path: path.clone(),
            headers: parts.headers,
            body,
        });
        let status = if state.statuses.is_empty() { 200 } else { state.statuses.remove(0) };
        (state.delay, status)
    };
    tokio::time::sleep(delay).await;
    let body = json!({ "href": path }).to_string();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    Ok(response)
}
