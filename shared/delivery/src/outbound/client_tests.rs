//! The client against real sockets on this machine.

use std::{
    io::{Read as _, Write as _},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;

use super::{
    AddressClass, Guard, OutboundClient, OutboundError, OutboundPolicy, OutboundRequest,
    guard::tests::{Fixed, block_on},
};

/// A server that answers every connection with the same bytes and counts them.
async fn server(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    (port, seen)
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn redirect_to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// Every name resolves to this machine.
fn client(allow: &str) -> OutboundClient {
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    OutboundClient::new(Guard::new(OutboundPolicy::new(Some(allow), None).unwrap(), Fixed(vec![loopback])))
}

fn get(url: &str) -> OutboundRequest {
    OutboundRequest::new(Method::GET, Url::parse(url).unwrap())
}

#[test]
fn an_allowed_host_is_called_and_another_name_for_the_same_machine_is_not() {
    block_on(async {
        let (port, seen) = server(answer("hello")).await;
        let client = client(&format!("good.example:{port}"));
        let response = client.send(get(&format!("http://good.example:{port}/"))).await.unwrap();
        assert_eq!((response.status, response.body.as_ref()), (StatusCode::OK, &b"hello"[..]));
        for url in [format!("http://evil.example:{port}/"), format!("http://127.0.0.1:{port}/")] {
            let refusal = client.send(get(&url)).await;
            assert!(
                matches!(refusal, Err(OutboundError::Refused { class: AddressClass::Loopback, .. })),
                "{refusal:?}"
            );
        }
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_redirect_is_checked_like_the_first_call() {
    block_on(async {
        let (inner, inner_seen) = server(answer("secret")).await;
        for location in [format!("http://127.0.0.1:{inner}/"), format!("http://evil.example:{inner}/")] {
            let (port, _) = server(redirect_to(&location)).await;
            let client = client(&format!("good.example:{port}"));
            let mut request = get(&format!("http://good.example:{port}/"));
            assert_eq!(client.send(request.clone()).await.unwrap().status, StatusCode::FOUND);
            request.redirects = 3;
            assert!(matches!(client.send(request).await, Err(OutboundError::Refused { .. })));
        }
        assert_eq!(inner_seen.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_circle_of_redirects_ends() {
    block_on(async {
        let (port, seen) = server(redirect_to("/")).await;
        let mut request = get(&format!("http://good.example:{port}/"));
        request.redirects = 3;
        let outcome = client("good.example").send(request).await;
        assert!(matches!(outcome, Err(OutboundError::Redirect { .. })), "{outcome:?}");
        assert_eq!(seen.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn an_answer_is_cut_at_its_cap_and_a_silent_server_at_its_time() {
    block_on(async {
        let (port, _) = server(answer(&"x".repeat(1000))).await;
        let mut request = get(&format!("http://good.example:{port}/"));
        request.largest_response = 999;
        let client = client("good.example");
        assert!(matches!(client.send(request.clone()).await, Err(OutboundError::TooLarge { .. })));
        request.largest_response = 1000;
        assert_eq!(client.send(request).await.unwrap().body.len(), 1000);

        let (port, _) = server(String::new()).await;
        let mut request = get(&format!("http://good.example:{port}/"));
        request.timeout = Duration::from_millis(50);
        assert!(matches!(client.send(request).await, Err(OutboundError::Timeout { .. })));
    });
}

#[test]
fn each_way_of_failing_has_its_own_error() {
    block_on(async {
        let client = client("good.example");
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let closed = client.send(get(&format!("http://good.example:{port}/"))).await;
        assert!(matches!(closed, Err(OutboundError::Connect { .. })), "{closed:?}");
        let (port, _) = server("what?\r\n\r\n".to_owned()).await;
        let garbage = client.send(get(&format!("http://good.example:{port}/"))).await;
        assert!(matches!(garbage, Err(OutboundError::Exchange { .. })), "{garbage:?}");
        let (port, _) = server("not tls at all, not tls at all".to_owned()).await;
        let plain = client.send(get(&format!("https://good.example:{port}/"))).await;
        assert!(matches!(plain, Err(OutboundError::Tls { .. })), "{plain:?}");
    });
}

/// A TLS server with the certificate of `good.example`, on a thread of its own.
fn tls_server() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(include_bytes!("fixtures/server.key.der").to_vec());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![include_bytes!("fixtures/server.der").to_vec().into()], key.into())
        .unwrap();
    let (config, listener) = (Arc::new(config), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(answer("over tls").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}

#[test]
fn a_server_must_prove_the_name_that_was_asked_for() {
    block_on(async {
        let port = tls_server();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(include_bytes!("fixtures/authority.der").to_vec().into()).unwrap();
        let guard = client("good.example,other.example").guard().clone();
        let client = OutboundClient::with_roots(guard.clone(), roots).unwrap();
        let response = client.send(get(&format!("https://good.example:{port}/"))).await.unwrap();
        assert_eq!(response.body.as_ref(), b"over tls");
        let other = client.send(get(&format!("https://other.example:{port}/"))).await;
        assert!(matches!(other, Err(OutboundError::Tls { .. })), "{other:?}");
        let public = OutboundClient::new(guard).send(get(&format!("https://good.example:{port}/"))).await;
        assert!(matches!(public, Err(OutboundError::Tls { .. })), "{public:?}");
    });
}

#[test]
fn headers_that_frame_the_message_cannot_be_set() {
    for name in ["host", "Content-Length", "transfer-encoding", "connection", "bad name", "x\r\ny"] {
        assert!(get("http://good.example/").header(name, "1").is_err(), "{name}");
    }
    assert!(get("http://good.example/").header("x-a", "1\r\nx-b: 2").is_err());
}
