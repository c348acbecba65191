//! One metrics line and one span for each invocation.
//!
//! The metrics line is CloudWatch's embedded metric format, so that counts and latencies cost no API call.
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{Function, FunctionError, InvocationContext};

/// Writes logs as JSON lines to the standard output, where Lambda collects them.
/// The level comes from `AWS_LAMBDA_LOG_LEVEL`, `info` when unset.
pub fn install(level: Option<&str>) {
    let filter = tracing_subscriber::EnvFilter::try_new(level.unwrap_or("info").to_lowercase())
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).try_init();
}

/// Where metrics lines go.
pub type MetricsSink = Arc<dyn Fn(&Value) + Send + Sync>;

/// Writes each metrics line to the standard output, where CloudWatch finds it: one JSON document on a line of
/// its own, which a log formatter would wrap.
#[must_use]
pub fn standard_output() -> MetricsSink {
    Arc::new(|line| {
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    })
}

/// A function that reports on each of its invocations.
pub(crate) struct Observed {
    name: &'static str,
    function: Arc<dyn Function>,
    metrics: MetricsSink,
    cold: AtomicBool,
}

impl Observed {
    pub(crate) fn new(name: &'static str, function: Arc<dyn Function>, metrics: MetricsSink) -> Self {
        Self { name, function, metrics, cold: AtomicBool::new(true) }
    }

    fn report(&self, started: Instant, at: Timestamp, outcome: &Result<Value, FunctionError>) {
        let line = json!({
            "_aws": {
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": "TOSS",
                    "Dimensions": [["Function"]],
                    "Metrics": [
                        { "Name": "Duration", "Unit": "Milliseconds" },
                        { "Name": "Errors", "Unit": "Count" },
                        { "Name": "ColdStart", "Unit": "Count" },
                    ],
                }],
            },
            "Function": self.name,
            "Duration": started.elapsed().as_secs_f64() * 1e3,
            "Errors": u8::from(outcome.is_err()),
            "ColdStart": u8::from(self.cold.swap(false, Ordering::Relaxed)),
            "ErrorType": outcome.as_ref().err().map(|error| error.error_type.as_str()),
        });
        (self.metrics)(&line);
    }
}

impl Function for Observed {
    fn invoke<'a>(
        &'a self,
        event: Value,
        context: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        let span = tracing::info_span!("invocation", function = %self.name, request_id = %context.request_id);
        let work = async move {
            let (started, at) = (Instant::now(), context.received);
            let outcome = self.function.invoke(event, context).await;
            self.report(started, at, &outcome);
            outcome
        };
        Box::pin(work.instrument(span))
    }
}
