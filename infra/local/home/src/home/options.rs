//! What a home is started with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use toss_kernel::{Clock, SystemClock};

use crate::functions::Registries;
use crate::template::TemplateSource;

/// Values for the template's parameters.
pub type Parameters = BTreeMap<String, String>;

/// What a home is started with.
pub struct Options {
    /// Where everything is kept; made if it is not there.
    pub data: PathBuf,
    /// Where the API listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the services listen; port 0 picks a free one.
    pub aws_listen: SocketAddr,
    /// The template.
    pub template: TemplateSource,
    /// The functions of each binary, for running in this process.
    pub registries: Registries,
    /// The folder of Lambda binaries, to run those instead.
    pub lambda_binaries: Option<PathBuf>,
    /// The operator's key; made once and kept in the data directory when there is none.
    pub operator_key: Option<String>,
    /// Hosts (`host` or `host:port`) that outbound calls may reach although the guard would refuse them.
    pub outbound_allow: Vec<String>,
    /// Values for further parameters of the template.
    pub parameters: Parameters,
    /// The region that the home stands for.
    pub region: String,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// A home in a folder, on free ports of the loopback interface.
    pub fn new(data: impl Into<PathBuf>, template: TemplateSource, registries: Registries) -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            data: data.into(),
            listen: loopback,
            aws_listen: loopback,
            template,
            registries,
            lambda_binaries: None,
            operator_key: None,
            outbound_allow: Vec::new(),
            parameters: Parameters::new(),
            region: "us-east-1".into(),
            clock: Arc::new(SystemClock),
        }
    }
}
