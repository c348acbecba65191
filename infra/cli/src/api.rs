//! A small client of the public API.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::failure::{Failure, Problem};

/// Longer than API Gateway waits for a function.
const TIMEOUT: Duration = Duration::from_secs(35);
/// API Gateway's limit of an answer, in bytes.
const LARGEST_ANSWER: usize = 10 << 20;

/// Calls the API under one key.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    key: String,
}

/// An answer that is not a refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    /// The answer as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Api {
    /// A client for this address and key.
    pub(crate) fn new(url: &str, key: &str) -> Result<Self, Failure> {
        let connector =
            HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// The same API under another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Any call, whatever its status.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Answer, Failure> {
        let (media_type, body) = body.unzip();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| Failure::Usage(format!("{}{path} cannot be called: {error}", self.url)))?;
        let unreachable = |cause: &dyn std::fmt::Display| Failure::Unreachable {
            url: self.url.clone(),
            cause: cause.to_string(),
        };
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LARGEST_ANSWER)
                .collect()
                .await
                .map_err(|error| unreachable(&error))?;
            Ok(Answer { status, text: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(unreachable(&format!("no answer within {} s", TIMEOUT.as_secs()))))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Answer, Failure> {
        let answer = self.send(method, path, body).await?;
        if answer.status < 400 {
            return Ok(answer);
        }
        Err(Failure::Refused(Problem { status: answer.status, document: answer.json() }))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.call(Method::GET, path, None).await?.json())
    }

    pub(crate) async fn text(&self, path: &str) -> Result<String, Failure> {
        Ok(self.call(Method::GET, path, None).await?.text)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        Ok(self.call(Method::POST, path, Some(("application/json", body.to_string()))).await?.json())
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        Ok(self.call(Method::PUT, path, Some(("application/json", body.to_string()))).await?.json())
    }

    pub(crate) async fn post_yaml(&self, path: &str, text: String) -> Result<Value, Failure> {
        Ok(self.call(Method::POST, path, Some(("application/yaml", text))).await?.json())
    }
}
