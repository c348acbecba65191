//! A home to try things with, and a client that speaks raw HTTP.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use toss_local::template::TemplateSource;
use toss_local::{Home, Options, Registries};
use toss_runtime::{Environment, Sdk};

const TEMPLATE: &[(&str, &str)] = &[("template.yaml", include_str!("template.yaml"))];

pub(crate) struct House {
    pub(crate) home: Home,
    folder: TempDir,
    /// How long the start took.
    pub(crate) started_in: Duration,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn options(data: &Path) -> Options {
    let registries: Registries = BTreeMap::from([("api".to_owned(), crate::functions::functions())]);
    Options::new(data, TemplateSource::Embedded { root: "template.yaml", files: TEMPLATE }, registries)
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let home = Home::start(options(folder.path())).await.unwrap();
        Self { home, folder, started_in: began.elapsed() }
    }

    pub(crate) async fn with_binaries(binaries: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { lambda_binaries: Some(binaries), ..options(folder.path()) };
        let began = Instant::now();
        let home = Home::start(options).await.unwrap();
        Self { home, folder, started_in: began.elapsed() }
    }

    /// Shuts the home down and starts it again on the same data.
    pub(crate) async fn restart(self) -> Self {
        let Self { home, folder, .. } = self;
        home.shutdown().await;
        let began = Instant::now();
        let home = Home::start(options(folder.path())).await.unwrap();
        Self { home, folder, started_in: began.elapsed() }
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Clients of the account's owner, over the services' port.
    pub(crate) fn sdk(&self) -> Sdk {
        self.sdk_as("test")
    }

    pub(crate) fn sdk_as(&self, access_key_id: &str) -> Sdk {
        let url = self.home.aws_url();
        let variables = [
            ("AWS_ACCESS_KEY_ID", access_key_id),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_ENDPOINT_URL", url.as_str()),
        ];
        Sdk::from_environment(&variables.into_iter().collect::<Environment>()).unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Response {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n");
        self.raw(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.unwrap()
    }

    /// Sends bytes as they are and reads until the end; `None` when nothing comes back.
    pub(crate) async fn raw(&self, request: &[u8]) -> Option<Response> {
        let mut stream = TcpStream::connect(self.home.addresses().api).await.unwrap();
        // What is refused early may be refused before all of it is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(45), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "no answer in time");
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Response { status, head: head.to_owned(), body: body.to_owned() })
    }

    /// Waits for a note to be there.
    pub(crate) async fn note(&self, id: &str) -> String {
        for _ in 0..400 {
            let response = self.send("GET", &format!("/v1/notes/{id}"), "").await;
            if response.status == 200 {
                return response.body;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the note {id} never came");
    }
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
