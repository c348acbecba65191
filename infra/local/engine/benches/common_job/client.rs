//! A caller: one connection that is kept, and the job.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::STEPS;

/// How a caller gets the result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The server answers when the execution has ended.
    Held,
    /// The caller looks again and again.
    Polled,
}

/// A connection to the server.
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (requests, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { requests }
    }

    async fn call(&mut self, operation: &str, body: String, held: bool) -> Value {
        let mut request = Request::post("/")
            .header("host", "localhost")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"));
        if held {
            request = request.header("prefer", "wait");
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.requests.ready().await.unwrap();
        let response = self.requests.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, StatusCode::OK, "{operation}: {body:?}");
        serde_json::from_slice(&body).unwrap()
    }
}

/// Starts an execution and gets its result.
pub(crate) async fn job(connection: &mut Connection, machine: &str, wait: Wait) {
    let body = json!({ "stateMachineArn": machine, "input": "{\"order\":{\"id\":7,\"total\":120}}" });
    let started = connection.call("StartExecution", body.to_string(), false).await;
    let body = json!({ "executionArn": started["executionArn"] }).to_string();
    loop {
        let found = connection.call("DescribeExecution", body.clone(), wait == Wait::Held).await;
        if found["status"] != "RUNNING" {
            assert_eq!(found["status"], "SUCCEEDED");
            assert_eq!(found["output"], "{\"order\":{\"id\":7,\"total\":120}}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Creates the workflow and answers its ARN.
pub(crate) async fn create(connection: &mut Connection) -> String {
    let mut states = serde_json::Map::new();
    for step in 0..STEPS {
        let mut state = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": "echo", "Payload": "{% $states.input %}" },
            "Output": "{% $states.result.Payload %}",
            "TimeoutSeconds": 60,
        });
        if step + 1 < STEPS {
            state["Next"] = json!(format!("step{}", step + 1));
        } else {
            state["End"] = json!(true);
        }
        states.insert(format!("step{step}"), state);
    }
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "step0", "States": states });
    let body = json!({
        "name": "common", "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/bench",
    });
    let answer = connection.call("CreateStateMachine", body.to_string(), false).await;
    answer["stateMachineArn"].as_str().unwrap().to_owned()
}
