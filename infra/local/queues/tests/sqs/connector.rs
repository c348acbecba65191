//! An SQS client whose requests go to the service in this process.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use aws_credential_types::Credentials;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Region},
    types::QueueAttributeName,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use toss_kernel::ManualClock;
use toss_local_protocol::{Caller, JsonService};
use toss_local_queues::{Queues, QueuesOptions, query_error_code};

#[derive(Clone)]
struct InProcess(Queues);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let queues = self.0.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let operation = target.strip_prefix("AmazonSQS.").unwrap_or_default();
            let body = request.into_body().collect().await;
            let body = body.map_err(ConnectorError::io)?.to_bytes();
            let response = http::Response::builder().header("content-type", queues.content_type());
            let response = match queues.call(&Caller::Owner, operation, body).await {
                Ok(body) => response.body(SdkBody::from(body)),
                Err(error) => response
                    .status(error.status)
                    .header("x-amzn-query-error", format!("{};Sender", query_error_code(&error.code)))
                    .body(SdkBody::from(error.body().to_string())),
            };
            Ok(HttpResponse::try_from(response.expect("a response")).expect("a response of the SDK"))
        })
    }
}

/// Queues in a directory, a client for them, and the clock they live by.
pub(crate) struct Home {
    pub(crate) queues: Queues,
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
}

/// Opens the queues of a directory.
pub(crate) fn open(directory: &Path) -> Home {
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_790_000_000).expect("a time")));
    open_at(directory, clock)
}

/// Opens the queues of a directory under a clock that ran before.
pub(crate) fn open_at(directory: &Path, clock: Arc<ManualClock>) -> Home {
    let queues = Queues::open(QueuesOptions {
        directory: directory.to_owned(),
        region: "us-east-1".into(),
        account: "000000000000".into(),
        base_url: "http://127.0.0.1:4566".into(),
        clock: clock.clone(),
        journal: toss_local_journal::Options::default(),
    })
    .expect("queues that open");
    let connector = InProcess(queues.clone());
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
        .build();
    Home { queues, client: Client::from_conf(config), clock }
}

impl Home {
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Makes a queue and answers its URL.
    pub(crate) async fn queue<const N: usize>(&self, name: &str, attributes: [(&str, &str); N]) -> String {
        let attributes: BTreeMap<_, _> =
            attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        self.queues.ensure_queue(name, attributes).await.expect("a queue")
    }

    pub(crate) async fn send(&self, url: &str, body: &str) {
        self.client.send_message().queue_url(url).message_body(body).send().await.expect("a message sent");
    }

    /// Receives up to ten messages: their bodies and receipt handles.
    pub(crate) async fn receive(&self, url: &str) -> Vec<(String, String)> {
        let answer = self.client.receive_message().queue_url(url).max_number_of_messages(10).send().await;
        let messages = answer.expect("an answer").messages.unwrap_or_default();
        let pair = |message: aws_sdk_sqs::types::Message| {
            (message.body.expect("a body"), message.receipt_handle.expect("a handle"))
        };
        messages.into_iter().map(pair).collect()
    }

    pub(crate) async fn delete(&self, url: &str, handle: &str) {
        self.client.delete_message().queue_url(url).receipt_handle(handle).send().await.expect("deleted");
    }

    pub(crate) async fn attribute(&self, url: &str, name: QueueAttributeName) -> String {
        let answer = self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let attributes = answer.send().await.expect("attributes").attributes.unwrap_or_default();
        attributes.get(&name).cloned().unwrap_or_default()
    }
}

/// The code of an SDK error, as the query protocol names it.
pub(crate) fn code<T: std::fmt::Debug, E: aws_sdk_sqs::error::ProvideErrorMetadata>(
    result: Result<T, E>,
) -> String {
    result.expect_err("an error").code().unwrap_or("none").to_owned()
}
