//! Event source mappings: queues and streams that feed functions.

use std::time::Duration;

use serde_json::Value;

use super::fields::Fields;
use crate::template::model::{Model, QueueSource, StreamSource};

/// `AWS::Lambda::EventSourceMapping`.
pub(super) fn add_mapping(model: &mut Model, fields: Fields<'_>) {
    let function = fields.required("FunctionName");
    let function = function.rsplit(":function:").next().unwrap_or_default().to_owned();
    let source = fields.required("EventSourceArn");
    if source.contains(":sqs:") {
        add_queue(model, &fields, &function, "EventSourceArn");
    } else {
        add_stream(model, &fields, &function, "EventSourceArn");
    }
}

pub(super) fn add_queue(model: &mut Model, fields: &Fields<'_>, function: &str, property: &str) {
    if disabled(fields) {
        return;
    }
    let scaling = fields.inside("ScalingConfig");
    model.queue_sources.push(QueueSource {
        function: function.to_owned(),
        queue_arn: fields.required(property),
        batch_size: fields.number("BatchSize").unwrap_or(10).max(1),
        batching_window: window(fields),
        partial_failures: partial_failures(fields),
        maximum_concurrency: scaling.and_then(|scaling| scaling.number("MaximumConcurrency")),
        filters: filters(fields),
    });
}

pub(super) fn add_stream(model: &mut Model, fields: &Fields<'_>, function: &str, property: &str) {
    if disabled(fields) {
        return;
    }
    let stream_arn = fields.required(property);
    let table =
        stream_arn.split(":table/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    // AWS's default of -1 is for ever.
    let retries =
        fields.number::<i64>("MaximumRetryAttempts").and_then(|retries| u32::try_from(retries).ok());
    model.stream_sources.push(StreamSource {
        function: function.to_owned(),
        table: table.to_owned(),
        batch_size: fields.number("BatchSize").unwrap_or(100).max(1),
        batching_window: window(fields),
        from_beginning: fields.required("StartingPosition") == "TRIM_HORIZON",
        bisect: fields.flag("BisectBatchOnFunctionError"),
        retries,
        partial_failures: partial_failures(fields),
        filters: filters(fields),
        stream_arn,
    });
}

fn disabled(fields: &Fields<'_>) -> bool {
    fields.raw("Enabled").is_some() && !fields.flag("Enabled")
}

fn window(fields: &Fields<'_>) -> Duration {
    Duration::from_secs(fields.number::<u32>("MaximumBatchingWindowInSeconds").unwrap_or(0).into())
}

fn partial_failures(fields: &Fields<'_>) -> bool {
    fields.texts("FunctionResponseTypes").iter().any(|kind| kind == "ReportBatchItemFailures")
}

fn filters(fields: &Fields<'_>) -> Vec<Value> {
    let Some(criteria) = fields.inside("FilterCriteria") else { return Vec::new() };
    let patterns = criteria.list("Filters").into_iter().filter_map(|filter| filter.get("Pattern"));
    patterns
        .filter_map(|pattern| match pattern {
            Value::String(text) => match serde_json::from_str(text) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    fields.problem(format!("a filter's Pattern is not JSON: {error}"));
                    None
                }
            },
            pattern => Some(pattern.clone()),
        })
        .collect()
}
