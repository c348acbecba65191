//! The outside world of the demo: a bank, a ledger and a webhook endpoint, on a loopback port.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

/// Bodies above this are refused.
const BODY_LIMIT: usize = 1 << 20;

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A receiver that remembers what it was sent.
#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Listens on a free port until the process ends.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self { address: listener.local_addr()?, received: Arc::default() };
        let accepting = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = accepting.clone();
                let service = service_fn(move |request| {
                    let receiver = receiver.clone();
                    async move { receiver.answer(request).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(receiver)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that arrived on a path.
    pub(crate) fn on(&self, method: &Method, prefix: &str) -> Vec<Received> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|one| one.method == *method && one.path.starts_with(prefix)).cloned().collect()
    }

    /// How often each idempotency key arrived on a path.
    pub(crate) fn counts(&self, method: &Method, prefix: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for one in self.on(method, prefix) {
            let key =
                one.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
            *counts.entry(key.to_owned()).or_default() += 1;
        }
        counts
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
            return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "too large" })));
        };
        let path = head.uri.path().to_owned();
        let number = {
            let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
            let body = body.to_bytes();
            received.push(Received {
                method: head.method.clone(),
                path: path.clone(),
                headers: head.headers,
                body,
            });
            received.len()
        };
        let href = format!("http://{}{path}/{number}", self.address);
        Ok(match head.method {
            Method::POST => {
                response(StatusCode::CREATED, &json!({ "id": format!("{number}"), "href": href }))
            }
            _ => response(StatusCode::OK, &json!({ "ok": true })),
        })
    }
}

fn response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
