use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_function_as_api_gateway_sends_it() {
    let house = House::new().await;
    house.home.ready().await.unwrap();
    let response = house.send("POST", "/v1/echo/a%20b?x=1&x=2", "{\"n\":1}").await;
    assert_eq!(response.status, 200);
    assert!(response.head.to_lowercase().contains("x-echo: yes"));
    let event = response.json();
    assert_eq!(event["resource"], "/v1/echo/{id}");
    assert_eq!(event["pathParameters"]["id"], "a b");
    assert_eq!(event["multiValueQueryStringParameters"]["x"][1], "2");
    assert_eq!(event["requestContext"]["stage"], "live");
    assert_eq!(event["body"], "{\"n\":1}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_does_wrong_is_a_problem_document() {
    let house = House::new().await;
    let told = async |method: &str, path: &str| {
        let response = house.send(method, path, "").await;
        (response.status, response.json()["type"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(told("GET", "/v1/nothing").await, (404, "urn:toss:problem:no-route".into()));
    assert_eq!(told("DELETE", "/v1/notes/a").await, (405, "urn:toss:problem:method-not-allowed".into()));
    assert_eq!(told("GET", "/v1/echo/%zz").await, (400, "urn:toss:problem:malformed-path".into()));
    assert_eq!(told("GET", "/v1/echo/a?%").await, (400, "urn:toss:problem:malformed-query".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_does_wrong_is_api_gateways_502() {
    let house = House::new().await;
    for kind in ["nonsense", "panic", "slow", "large"] {
        let response = house.send("GET", &format!("/v1/trouble/{kind}"), "").await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (502, "{\"message\":\"Internal server error\"}"),
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_client_errors_and_never_hang() {
    let house = House::new().await;
    let huge_header = format!("GET /v1/echo/a HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "y".repeat(20_000));
    let vast_header = format!("GET /v1/echo/a HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "y".repeat(200_000));
    let many_headers = format!("GET /v1/echo/a HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(500));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    let large = format!(
        "POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
        11 << 20,
        "z".repeat(11 << 20)
    );
    let six_megabytes = format!(
        "POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
        7 << 20,
        "z".repeat(7 << 20)
    );
    let requests: [&[u8]; 16] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET /v1/echo/\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
        b"POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n\xff",
        b"GET /v1/echo/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        huge_header.as_bytes(),
        vast_header.as_bytes(),
        many_headers.as_bytes(),
        long_path.as_bytes(),
        large.as_bytes(),
        six_megabytes.as_bytes(),
    ];
    for request in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        if let Some(response) = house.raw(request).await {
            assert!((400..500).contains(&response.status), "{shown}: {}", response.head);
        }
    }
    let response = house.send("GET", "/v1/health", "").await;
    assert_eq!(response.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_bodies_and_pipelined_requests_are_served() {
    let house = House::new().await;
    let chunked =
        b"POST /v1/echo/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                    2\r\nhi\r\n0\r\n\r\n";
    assert_eq!(house.raw(chunked).await.unwrap().json()["body"], "hi");
    let two = b"GET /v1/echo/a HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/echo/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let both = house.raw(two).await.unwrap();
    assert!(both.body.contains("HTTP/1.1 200 OK"), "{}", both.body);
}
