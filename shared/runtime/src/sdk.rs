//! The AWS clients of a function.
//!
//! The SDK is always the real one. On one machine its HTTP client is replaced by a connector that hands the
//! signed request to the embedded services, in the same process; see `infra/local`.

use std::sync::{Arc, OnceLock};

use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_types::region::Region;

use crate::{ConfigurationError, Environment};

/// Clients that share one HTTP client and one identity, each made when it is first asked for.
#[derive(Clone)]
pub struct Sdk(Arc<Clients>);

struct Clients {
    settings: Settings,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    sfn: OnceLock<aws_sdk_sfn::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

/// What all clients of a function have in common.
#[derive(Clone)]
pub struct Settings {
    /// The AWS Region.
    pub region: String,
    /// The function's credentials. Lambda sets them for the life of an environment.
    pub credentials: Credentials,
    /// Where all services are, when they are not where AWS has them (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// Carries the requests.
    pub http_client: SharedHttpClient,
}

macro_rules! client {
    ($(#[$doc:meta])* $name:ident, $sdk:ident) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> &$sdk::Client {
            self.0.$name.get_or_init(|| {
                let settings = &self.0.settings;
                let mut config = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::v2026_01_12())
                    .region(Region::new(settings.region.clone()))
                    .credentials_provider(settings.credentials.clone())
                    .http_client(settings.http_client.clone());
                config.set_endpoint_url(settings.endpoint.clone());
                $sdk::Client::from_conf(config.build())
            })
        }
    };
}

impl Sdk {
    /// Clients with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Clients {
            settings,
            dynamodb: OnceLock::new(),
            kms: OnceLock::new(),
            sfn: OnceLock::new(),
            sqs: OnceLock::new(),
        }))
    }

    /// Clients over HTTPS (or over HTTP to `AWS_ENDPOINT_URL`) with the credentials that Lambda sets.
    ///
    /// # Errors
    /// [`ConfigurationError::Missing`] when there are no credentials.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigurationError> {
        let credentials = Credentials::new(
            environment.required("AWS_ACCESS_KEY_ID")?,
            environment.required("AWS_SECRET_ACCESS_KEY")?,
            environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "Lambda",
        );
        let http_client = Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        Ok(Self::new(Settings {
            region: environment.region().to_owned(),
            credentials,
            endpoint: environment.get("AWS_ENDPOINT_URL").map(str::to_owned),
            http_client,
        }))
    }

    client!(/// DynamoDB.
        dynamodb, aws_sdk_dynamodb);
    client!(/// KMS.
        kms, aws_sdk_kms);
    client!(/// Step Functions.
        sfn, aws_sdk_sfn);
    client!(/// SQS.
        sqs, aws_sdk_sqs);
}
