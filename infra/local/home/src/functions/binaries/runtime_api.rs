//! The Lambda Runtime API, for one environment.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use toss_runtime::FunctionError;

use crate::functions::invocation::too_large;
use crate::functions::{FunctionResult, Invocation, PAYLOAD_LIMIT};

const PREFIX: &str = "/2018-06-01/runtime/";

/// An invocation that waits for its process.
pub(super) struct Job {
    /// The function's ARN.
    pub(super) arn: String,
    pub(super) invocation: Invocation,
    /// Where the answer goes.
    pub(super) answer: oneshot::Sender<FunctionResult>,
    /// Told when the process has asked for the work.
    pub(super) taken: oneshot::Sender<()>,
}

struct Session {
    waiting: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    /// The invocation in the process's hands.
    current: Mutex<Option<(String, oneshot::Sender<FunctionResult>)>>,
}

/// Serves an environment's process until its task is ended.
pub(super) async fn serve(listener: TcpListener, waiting: mpsc::Receiver<Job>) {
    let session = Arc::new(Session { waiting: tokio::sync::Mutex::new(waiting), current: Mutex::default() });
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let session = Arc::clone(&session);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let session = Arc::clone(&session);
                async move { Ok::<_, Infallible>(session.answer(request).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Session {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let steps: Vec<&str> = path.split('/').collect();
        match (&parts.method, steps.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let result = collect(body).await;
                self.finish(Some(id), result)
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                let error = collect(body).await.map_or_else(|error| error, |body| read_error(&body));
                self.finish(Some(id), Err(error))
            }
            (&Method::POST, ["init", "error"]) => {
                let error = collect(body).await.map_or_else(|error| error, |body| read_error(&body));
                self.fail_start(error).await
            }
            _ => status(StatusCode::NOT_FOUND, "there is no such call in the Runtime API"),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let Some(job) = self.waiting.lock().await.recv().await else {
            return status(StatusCode::GONE, "the environment is ending");
        };
        let Job { arn, invocation, answer, taken } = job;
        let _ = taken.send(());
        let mut response = Response::new(Full::new(invocation.payload.clone()));
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
            ("lambda-runtime-deadline-ms", invocation.deadline().as_millisecond().to_string()),
            ("lambda-runtime-invoked-function-arn", arn),
            ("lambda-runtime-trace-id", invocation.trace_id()),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.request_id, answer));
        response
    }

    fn finish(&self, id: Option<&str>, result: FunctionResult) -> Response<Full<Bytes>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take() {
            Some((known, answer)) if id.is_none_or(|id| id == known) => {
                let _ = answer.send(result);
                status(StatusCode::ACCEPTED, "OK")
            }
            other => {
                *current = other;
                status(StatusCode::BAD_REQUEST, "no such invocation is in progress")
            }
        }
    }

    /// A process that cannot start answers the invocation it was started for.
    async fn fail_start(&self, error: FunctionError) -> Response<Full<Bytes>> {
        if let Some(job) = self.waiting.lock().await.recv().await {
            let _ = job.taken.send(());
            let _ = job.answer.send(Err(error));
        }
        status(StatusCode::ACCEPTED, "OK")
    }
}

async fn collect(body: Incoming) -> FunctionResult {
    match Limited::new(body, PAYLOAD_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(FunctionError::new("Runtime.ExitError", format!("the answer broke off: {error}"))),
    }
}

fn read_error(body: &[u8]) -> FunctionError {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| FunctionError::new("Runtime.Unknown", String::from_utf8_lossy(body).into_owned()))
}

fn status(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let mut response =
        Response::new(Full::new(Bytes::from(serde_json::json!({ "status": message }).to_string())));
    *response.status_mut() = status;
    response
}
