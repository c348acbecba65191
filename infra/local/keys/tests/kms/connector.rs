//! A KMS client whose requests go to the service in this process.

use std::{path::Path, sync::Arc};

use aws_credential_types::Credentials;
use aws_sdk_kms::{
    Client,
    config::{BehaviorVersion, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use jiff::Timestamp;
use toss_kernel::ManualClock;
use toss_local_keys::{Keys, KeysOptions};
use toss_local_protocol::{Caller, JsonService};

#[derive(Clone)]
struct InProcess(Keys);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let keys = self.0.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let operation = target.strip_prefix("TrentService.").unwrap_or_default();
            let body = request.into_body().collect().await;
            let body = body.map_err(ConnectorError::io)?.to_bytes();
            let (status, body) = match keys.call(&Caller::Owner, operation, body).await {
                Ok(body) => (200, body),
                Err(error) => (error.status, error.body().to_string().into()),
            };
            let response = http::Response::builder()
                .status(status)
                .header("content-type", keys.content_type())
                .body(SdkBody::from(body))
                .expect("a response");
            Ok(HttpResponse::try_from(response).expect("a response of the SDK"))
        })
    }
}

/// Keys in a directory, a client for them, and the clock they live by.
pub(crate) struct Home {
    pub(crate) keys: Keys,
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
}

/// Opens the keys of a directory.
pub(crate) fn open(directory: &Path) -> Home {
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_790_000_000).expect("a time")));
    let keys = Keys::open(KeysOptions {
        directory: directory.to_owned(),
        region: "us-east-1".into(),
        account: "000000000000".into(),
        clock: clock.clone(),
    })
    .expect("keys that open");
    let connector = InProcess(keys.clone());
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
        .build();
    Home { keys, client: Client::from_conf(config), clock }
}

/// The code of an SDK error.
pub(crate) fn code<T: std::fmt::Debug, E: aws_sdk_kms::error::ProvideErrorMetadata>(
    result: Result<T, E>,
) -> String {
    result.expect_err("an error").code().unwrap_or("none").to_owned()
}
