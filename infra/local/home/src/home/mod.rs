//! The home: started from a template and a data directory, serving until it is shut down.

mod adapter;
mod building;
mod error;
mod lock;
mod operator;
mod options;
mod running;
mod upkeep;

use std::net::SocketAddr;

pub use error::HomeError;
pub use options::{Options, Parameters};

use running::Running;

/// A running home. Dropping it ends it abruptly, as a crash would; [`Home::shutdown`] lets it finish what runs.
pub struct Home {
    running: Running,
    addresses: Addresses,
    operator_key: String,
    operator_key_is_new: bool,
    left_out: Vec<String>,
}

/// Where a home is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The API.
    pub api: SocketAddr,
    /// The services, for the AWS CLI and SDKs.
    pub aws: SocketAddr,
}

impl Home {
    /// Starts a home. When this answers, both ports accept requests.
    ///
    /// # Errors
    /// When the template or the data directory cannot be used, or a port is taken; the error says what to do.
    pub async fn start(options: Options) -> Result<Self, HomeError> {
        building::start(options).await
    }

    /// Where the home is reached.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The API's base, such as `http://127.0.0.1:8080`.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.addresses.api)
    }

    /// The services' endpoint, such as `http://127.0.0.1:4566`.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.addresses.aws)
    }

    /// The operator's key.
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// Whether the operator's key was made by this start, and should be shown.
    pub fn operator_key_is_new(&self) -> bool {
        self.operator_key_is_new
    }

    /// Types of resources in the template that do nothing on one machine.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Waits until `GET /v1/health` answers 200.
    ///
    /// # Errors
    /// When it does not within ten seconds.
    pub async fn ready(&self) -> Result<(), HomeError> {
        running::ready(self.addresses.api).await
    }

    /// Lets running requests, batches and invocations finish, and closes the data directory.
    pub async fn shutdown(self) {
        self.running.shut_down().await;
    }
}
