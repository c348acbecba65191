//! The embedded platform, as the commands start it.

use std::{net::SocketAddr, path::PathBuf};

use toss_local::{Home, Options, Registries, template::TemplateSource};

use crate::{embedded, failure::Failure};

/// How to start it.
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) aws_listen: SocketAddr,
    pub(crate) lambda_binaries: Option<PathBuf>,
    pub(crate) allow_outbound: Vec<String>,
    pub(crate) operator_key: Option<String>,
}

/// Starts it; when this answers, the API does too.
pub(crate) async fn start(settings: Settings) -> Result<Home, Failure> {
    let template = TemplateSource::Embedded { root: "template.yaml", files: embedded::TEMPLATE };
    let mut options = Options::new(settings.data, template, registries());
    options.listen = settings.listen;
    options.aws_listen = settings.aws_listen;
    options.lambda_binaries = settings.lambda_binaries;
    options.outbound_allow = settings.allow_outbound;
    options.operator_key = settings.operator_key;
    let home = Home::start(options).await.map_err(|error| Failure::Start(error.to_string()))?;
    home.ready().await.map_err(|error| Failure::Start(error.to_string()))?;
    Ok(home)
}

/// The functions of each binary.
fn registries() -> Registries {
    [
        ("activities", toss_functions_activities::functions()),
        ("api", toss_functions_api::functions()),
        ("egress", toss_functions_egress::functions()),
        ("workers", toss_functions_workers::functions()),
    ]
    .into_iter()
    .map(|(binary, functions)| (binary.to_owned(), functions))
    .collect()
}
