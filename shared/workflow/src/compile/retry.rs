//! Retries: the author's, or the activity's own; and always those of Lambda itself.

use serde_json::{Value, json};
use toss_kernel::activity::{ActivitySpec, RetrySpec};

use super::Compiler;
use crate::{
    errors::{Raised, TRANSIENT},
    model::{OneOrMany, Retry},
    plan::Node,
};

impl Compiler<'_> {
    /// The retriers of a call. By default only errors are retried for which trying again can help.
    pub(super) fn retry(&self, spec: &ActivitySpec, written: Option<&OneOrMany<Retry>>) -> Vec<Value> {
        let raised = Raised::by_activity(spec);
        let transient: Vec<String> = TRANSIENT.iter().map(|name| (*name).to_owned()).collect();
        let mut retriers = vec![retrier(&transient, &RetrySpec::default())];
        match written {
            Some(written) => retriers.extend(author(written, &raised, &raised.retryable(), &spec.retry)),
            None if spec.retry.max > 0 => {
                let names = raised.retryable();
                if !names.is_empty() {
                    retriers.push(retrier(&names, &spec.retry));
                }
            }
            None => {}
        }
        retriers
    }

    /// The retriers of a state that holds others: only what the author asks for.
    pub(super) fn retry_around(&self, node: &Node<'_>) -> Vec<Value> {
        let raised = Raised::by(node, self.catalogue);
        let all = ["States.ALL".to_owned()];
        node.step
            .retry
            .as_ref()
            .map(|written| author(written, &raised, &all, &RetrySpec::default()))
            .unwrap_or_default()
    }
}

fn author(
    written: &OneOrMany<Retry>,
    raised: &Raised<'_>,
    unnamed: &[String],
    base: &RetrySpec,
) -> Vec<Value> {
    let entries = written.as_slice().iter().filter_map(|entry| {
        let names: Vec<String> = match &entry.on {
            Some(names) => names.iter().flat_map(|name| raised.expand(name)).collect(),
            None => unnamed.to_vec(),
        };
        let spec = RetrySpec {
            max: entry.max.unwrap_or(base.max),
            interval: entry.interval.unwrap_or(base.interval),
            backoff: entry.backoff.unwrap_or(base.backoff),
            max_interval: entry.max_interval.or(base.max_interval),
            jitter: entry.jitter.unwrap_or(base.jitter),
        };
        (!names.is_empty()).then(|| retrier(&names, &spec))
    });
    entries.collect()
}

fn retrier(names: &[String], spec: &RetrySpec) -> Value {
    let mut retrier = json!({
        "ErrorEquals": names,
        "IntervalSeconds": spec.interval.as_seconds(),
        "MaxAttempts": spec.max,
        "BackoffRate": spec.backoff,
        "JitterStrategy": if spec.jitter { "FULL" } else { "NONE" },
    });
    // AWS wants the longest wait to be longer than the first.
    if let (Some(most), Some(members)) = (spec.max_interval, retrier.as_object_mut())
        && most > spec.interval
    {
        members.insert("MaxDelaySeconds".to_owned(), json!(most.as_seconds()));
    }
    retrier
}
