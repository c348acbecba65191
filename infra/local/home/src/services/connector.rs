//! The SDK's HTTP client, replaced: real request and response bytes, but no socket.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use super::{Credentials, Router};

/// An HTTP client that hands every request to the services of this home.
#[derive(Clone)]
pub(crate) struct InProcess {
    router: Arc<Router>,
    credentials: Arc<Credentials>,
}

impl InProcess {
    /// A client over a router; callers are known by the keys that they sign with.
    pub(crate) fn new(router: Arc<Router>, credentials: Arc<Credentials>) -> Self {
        Self { router, credentials }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let caller = self.credentials.caller(request.headers().get("authorization"));
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body().bytes().map(Bytes::copy_from_slice);
        let router = Arc::clone(&self.router);
        HttpConnectorFuture::new(async move {
            let Some(body) = body else {
                return Err(ConnectorError::user(
                    "a streamed body cannot be sent to the services of this home".into(),
                ));
            };
            let (parts, body) = router.answer(&caller, &target, body).await.into_parts();
            HttpResponse::try_from(http::Response::from_parts(parts, SdkBody::from(body)))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
