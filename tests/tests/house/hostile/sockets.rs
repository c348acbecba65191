//! Requests that no HTTP library sends: smuggling, broken framing, and silence.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::platform::Platform;

/// A request whose answer would show that something behind it was taken for a request of its own.
const SMUGGLED: &str = "GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// What the server says to these bytes, until it closes or is silent.
async fn told(platform: &Platform, bytes: &[u8]) -> String {
    let address = platform.api.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) = timeout(Duration::from_millis(700), stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    answer.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_framing_hides_a_second_request_in_the_first() {
    let platform = Platform::start();
    let post = "POST /v1/tenants HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let length = SMUGGLED.len();
    let shapes = [
        // Both lengths: the chunked one must win and the connection end, or the request be refused.
        format!("{post}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"),
        format!("{post}Content-Length: 4\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}"),
        format!("{post}Content-Length: 0\r\nTransfer-Encoding: identity, chunked\r\n\r\n{SMUGGLED}"),
        format!("{post}Transfer-Encoding: xchunked\r\n\r\n{SMUGGLED}"),
        format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"),
        format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{SMUGGLED}"),
        format!("{post}Content-Length: +{length}\r\n\r\n{SMUGGLED}"),
        format!("{post}Content-Length: -1\r\n\r\n{SMUGGLED}"),
        format!("{post}Content-Length: 99999999999999999999\r\n\r\n{SMUGGLED}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{SMUGGLED}"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n-1\r\n{SMUGGLED}"),
        format!("{post}X-A: b\r\n Content-Length: 0\r\n\r\n{SMUGGLED}"),
        format!("{post}X: a\nContent-Length: {length}\r\n\r\n{SMUGGLED}"),
    ];
    for shape in shapes {
        let answer = told(&platform, shape.as_bytes()).await;
        let statuses = statuses(&answer);
        assert!(statuses.iter().all(|status| *status < 500), "{shape:?}: {answer}");
        // A pipelined request may be answered, but never one inside a body whose end is in doubt.
        let doubtful =
            shape.matches("Content-Length").count() + shape.matches("Transfer-Encoding").count() > 1;
        assert!(!doubtful || statuses.len() <= 1, "{shape:?}: {answer}");
    }
    platform.operator().get("/v1/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_wire_is_refused_and_harms_nobody() {
    let platform = Platform::start();
    let many = format!("GET /v1/health HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(5000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 20));
    let garbage: [&[u8]; 11] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /v1/health  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        many.as_bytes(),
        long.as_bytes(),
    ];
    for bytes in garbage {
        let answer = told(&platform, bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(
            statuses(&answer).iter().all(|status| *status < 500 || *status == 505),
            "{shown:?}: {answer}"
        );
    }
    // Connections that never finish their request hold nobody up.
    let address = platform.api.trim_start_matches("http://");
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST /v1/tenants HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
            .await
            .unwrap();
        silent.push(stream);
    }
    let health = timeout(Duration::from_secs(5), platform.operator().get("/v1/health")).await;
    health.expect("an answer beside 200 slow senders").expect(200);
}
