//! `toss up`: the platform on this machine until a signal.

use std::process::ExitCode;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{arguments::Up, failure::Failure, platform};

pub(super) async fn run(arguments: Up, json: bool) -> Result<ExitCode, Failure> {
    // Listen for signals before anything is started, so that none is missed.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let data = arguments.data.clone();
    let home = platform::start(platform::Settings {
        data: arguments.data,
        listen: arguments.listen,
        aws_listen: arguments.aws_listen,
        lambda_binaries: arguments.lambda_binaries,
        allow_outbound: arguments.allow_outbound,
        operator_key: arguments.operator_key,
    })
    .await?;
    let (api, aws, key) = (home.api_url(), home.aws_url(), home.operator_key());
    if json {
        println!("{}", json!({ "api": api, "aws": aws, "operator_key": key, "data": data }));
    } else {
        println!("API        {api}/v1");
        println!("AWS        {aws}   (aws --endpoint-url {aws} sqs list-queues)");
        println!("data       {}", data.display());
        if home.operator_key_is_new() {
            println!("operator   {key}   (made now, kept in the data folder)");
        }
        println!("ready; Ctrl-C stops it");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    home.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
