use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use toss_store::testing::Tables;

use super::*;
use crate::testing::invoke;

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that notes each request and gives one answer to all.
async fn server(answer: Vec<u8>) -> (Platform, String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            while !complete(&request[..length]) {
                let read = socket.read(&mut request[length..]).await.unwrap();
                if read == 0 {
                    break;
                }
                length += read;
            }
            noted.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
            if answer.is_empty() {
                // Hold the connection without an answer.
                std::future::pending::<()>().await;
            }
            let _ = socket.write_all(&answer).await;
        }
    });
    let allow = address.to_string();
    let platform = Tables::new()
        .platform_with(Arc::new(toss_kernel::SystemClock), &[("TOSS_OUTBOUND_ALLOW", allow.as_str())]);
    (platform, format!("http://{address}/pay"), seen)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn response(status: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_json_call_is_answered_by_json_and_carries_the_same_key_at_every_attempt() {
    let (platform, url, seen) =
        server(response("201 Created", "application/json; charset=utf-8", br#"{"href":"/1"}"#)).await;
    let parameters = json!({
        "method": "POST", "url": url, "query": { "a b": "ä&", "n": 2, "t": true }, "body": { "amount": 5 },
        "headers": { "X-One": "1" },
    });
    let first = invoke::<HttpRequest>(&platform, parameters.clone()).await.unwrap();
    assert_eq!((&first["status"], &first["body"]), (&json!(201), &json!({ "href": "/1" })));
    assert_eq!(first["headers"]["set-cookie"], "a=1, b=2");
    // As after a crash between the call and its record.
    invoke::<HttpRequest>(&platform, parameters).await.unwrap();
    let seen = seen.lock().unwrap();
    let key = "idempotency-key: exe_00000000000000000000000001/pay/2026-01-01T00:00:00.000Z";
    assert!(seen.iter().all(|request| request.contains(key)), "{seen:?}");
    assert!(seen[0].starts_with("POST /pay?a+b=%C3%A4%26&n=2&t=true HTTP/1.1\r\n"));
    assert!(seen[0].contains("content-type: application/json\r\n") && seen[0].ends_with(r#"{"amount":5}"#));
    assert!(seen[0].contains("x-one: 1\r\n"));
}

#[tokio::test]
async fn a_key_of_the_authors_own_is_kept_and_reads_carry_none() {
    let (platform, url, seen) = server(response("200 OK", "text/plain", b"ok")).await;
    let headers = json!({ "Idempotency-Key": "mine", "Content-Type": "text/csv" });
    let own = json!({ "method": "PUT", "url": url, "headers": headers, "body": "a,b" });
    assert_eq!(invoke::<HttpRequest>(&platform, own).await.unwrap()["body"], "ok");
    invoke::<HttpRequest>(&platform, json!({ "method": "GET", "url": url })).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("idempotency-key: mine\r\n") && seen[0].contains("content-type: text/csv\r\n"));
    assert!(!seen[1].contains("idempotency-key"));
}

#[tokio::test]
async fn statuses_have_names_and_expected_ones_are_answers() {
    for (status, name) in [
        ("402 Payment Required", "Status4xx"),
        ("429 Too Many Requests", "TooManyRequests"),
        ("503 Service Unavailable", "Status5xx"),
        ("304 Not Modified", "UnexpectedStatus"),
    ] {
        let (platform, url, _) = server(response(status, "text/plain", b"no\x07pe")).await;
        let call = json!({ "method": "GET", "url": format!("{url}?secret=1") });
        let error = invoke::<HttpRequest>(&platform, call).await.unwrap_err();
        assert_eq!(error.error_type, format!("HttpRequest.{name}"));
        assert!(!error.error_message.contains("secret") && error.error_message.contains(status), "{error}");
        let number: u16 = status[..3].parse().unwrap();
        let call = json!({ "method": "GET", "url": url, "expect_status": [200, number] });
        assert_eq!(invoke::<HttpRequest>(&platform, call).await.unwrap()["status"], number);
    }
}

#[tokio::test]
async fn bodies_of_any_kind_become_a_result_or_a_named_error() {
    for (media_type, body, expected) in [
        ("application/json", b"{broken".to_vec(), json!("{broken")),
        ("application/problem+json", b"{}".to_vec(), json!({})),
        ("text/plain", Vec::new(), Value::Null),
        ("application/octet-stream", vec![0xff, 0xfe], json!("//4=")),
        ("application/json", "[".repeat(5000).into_bytes(), json!("[".repeat(5000))),
    ] {
        let (platform, url, _) = server(response("200 OK", media_type, &body)).await;
        let answer = invoke::<HttpRequest>(&platform, json!({ "method": "GET", "url": url })).await.unwrap();
        assert_eq!(answer["body"], expected);
    }
    for body in [vec![b'x'; 210_000], vec![0x01; 100_000]] {
        let (platform, url, _) = server(response("200 OK", "text/plain", &body)).await;
        let error =
            invoke::<HttpRequest>(&platform, json!({ "method": "GET", "url": url })).await.unwrap_err();
        assert_eq!(error.error_type, "HttpRequest.TooLarge");
    }
}

#[tokio::test]
async fn silence_is_a_timeout_and_absence_a_failed_connection() {
    let (platform, url, _) = server(Vec::new()).await;
    let call = json!({ "method": "GET", "url": url, "timeout_seconds": 1 });
    assert_eq!(invoke::<HttpRequest>(&platform, call).await.unwrap_err().error_type, "HttpRequest.Timeout");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let clock = Arc::new(toss_kernel::SystemClock);
    let platform = Tables::new().platform_with(clock, &[("TOSS_OUTBOUND_ALLOW", free.as_str())]);
    let call = json!({ "method": "GET", "url": format!("http://{free}/") });
    let error = invoke::<HttpRequest>(&platform, call).await.unwrap_err();
    assert_eq!(error.error_type, "HttpRequest.ConnectionFailed");
}

#[tokio::test]
async fn what_must_not_be_called_or_said_is_refused() {
    let (platform, url, seen) = server(response("200 OK", "text/plain", b"ok")).await;
    for url in ["http://169.254.169.254/latest", "http://localhost:1/", "http://[::1]/", "http://2130706433/"]
    {
        let error =
            invoke::<HttpRequest>(&platform, json!({ "method": "GET", "url": url })).await.unwrap_err();
        assert!(
            matches!(error.error_type.as_str(), "HttpRequest.Refused" | "HttpRequest.InvalidParameters"),
            "{url}: {error}"
        );
    }
    for (name, value) in [
        ("url", json!("ftp://a.example/")),
        ("url", json!("/relative")),
        ("url", json!("http://user:pass@a.example/")),
        ("url", json!("x".repeat(5000))),
        ("method", json!("TRACE")),
        ("method", json!("get")),
        ("headers", json!({ "X": "a\r\nHost: evil" })),
        ("headers", json!({ "X\r\nY": "a" })),
        ("headers", json!({ "Host": "evil" })),
        ("headers", json!({ "Content-Length": "5" })),
        ("headers", json!({ "X": "a".repeat(20_000) })),
        ("query", json!({ "a": [1] })),
        ("timeout_seconds", json!(0)),
        ("timeout_seconds", json!(61)),
        ("expect_status", json!([99])),
        ("expect_status", json!([70_000])),
        ("auth", json!({})),
    ] {
        let mut call = json!({ "method": "POST", "url": url });
        call[name] = value.clone();
        let error = invoke::<HttpRequest>(&platform, call).await.unwrap_err();
        assert_eq!(error.error_type, "HttpRequest.InvalidParameters", "{name} {value}");
    }
    assert!(seen.lock().unwrap().is_empty());
}
