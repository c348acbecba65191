//! The measured process: an engine whose functions echo, behind HTTP on loopback.

use std::{convert::Infallible, path::Path, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use toss_local_engine::{
    AwsCaller, CallError, Engine, FunctionAnswer, FunctionCall, Options, ServiceCall, StatusListener,
    TaskInvoker,
};
use toss_local_protocol::{Caller, JsonService, ServiceError};

/// Answers each call with its own payload, at once.
struct Echo;

impl TaskInvoker for Echo {
    fn invoke<'a>(&'a self, call: FunctionCall<'a>) -> BoxFuture<'a, Result<FunctionAnswer, CallError>> {
        Box::pin(async move { Ok(FunctionAnswer::Result(call.payload)) })
    }
}

impl AwsCaller for Echo {
    fn call<'a>(&'a self, call: ServiceCall<'a>) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { Ok(call.input) })
    }
}

impl StatusListener for Echo {
    fn status_changed<'a>(&'a self, _event: &'a Value) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Serves until the process is killed. The first line on standard output is the address.
pub(crate) fn serve(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let options = Options::new(folder, "us-east-1", "000000000000");
        let echo = Arc::new(Echo);
        let engine = Engine::open(options, echo.clone(), echo.clone(), echo).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let engine = engine.clone();
            let service = service_fn(move |request| answer(engine.clone(), request));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
}

async fn answer(engine: Engine, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target =
        parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.split_once('.').map_or("", |(_, operation)| operation);
    let held = parts.headers.contains_key("prefer");
    let (status, body) = match call(&engine, operation, body, held).await {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (StatusCode::BAD_REQUEST, Bytes::from(error.to_string())),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

async fn call(engine: &Engine, operation: &str, body: Bytes, held: bool) -> Result<Bytes, ServiceError> {
    if held {
        let input: Value = serde_json::from_slice(&body).unwrap();
        engine.ended(input["executionArn"].as_str().unwrap()).await?;
    }
    engine.call(&Caller::Owner, operation, body).await
}
