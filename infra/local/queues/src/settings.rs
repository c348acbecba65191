//! A queue's attributes: read, checked, merged and shown.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::Value;
use toss_local_protocol::ServiceError;

use crate::{
    message::LARGEST_MESSAGE,
    name,
    redrive::{RedriveAllowPolicy, RedrivePolicy},
    refusal,
};

/// Attributes as requests and the journal write them.
pub(crate) type Attributes = BTreeMap<String, String>;

/// What a queue's attributes mean. Times are in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) fifo: bool,
    pub(crate) visibility_timeout: i64,
    pub(crate) maximum_message_size: usize,
    pub(crate) retention: i64,
    pub(crate) delay: i64,
    pub(crate) wait: i64,
    pub(crate) redrive: Option<RedrivePolicy>,
    pub(crate) redrive_allow: RedriveAllowPolicy,
    pub(crate) content_based_deduplication: bool,
    pub(crate) deduplicate_by_group: bool,
    /// What was set, in the form it was set in.
    given: Attributes,
}

const SECONDS_IN_A_DAY: i64 = 24 * 3600;

impl Settings {
    /// Reads the attributes of a queue of this name.
    pub(crate) fn read(queue: &str, given: Attributes) -> Result<Self, ServiceError> {
        let fifo = name::is_fifo(queue);
        for name in given.keys() {
            check_known(name, fifo)?;
        }
        let whole = |name: &str, default: i64, bounds: RangeInclusive<i64>| match given.get(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(value) if bounds.contains(&value) => Ok(value),
                _ => Err(refusal::invalid_attribute(name)),
            },
        };
        let flag = |name: &str, default: bool| match given.get(name).map(String::as_str) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(refusal::invalid_attribute(name)),
        };
        if given.contains_key("FifoQueue") && flag("FifoQueue", fifo)? != fifo {
            return Err(refusal::invalid_attribute("FifoQueue"));
        }
        whole("KmsDataKeyReusePeriodSeconds", 300, 60..=SECONDS_IN_A_DAY)?;
        flag("SqsManagedSseEnabled", true)?;
        check_policy(&given)?;
        let largest = LARGEST_MESSAGE as i64;
        let settings = Self {
            fifo,
            visibility_timeout: whole("VisibilityTimeout", 30, 0..=43_200)?,
            maximum_message_size: usize::try_from(whole("MaximumMessageSize", largest, 1024..=largest)?)
                .unwrap_or(LARGEST_MESSAGE),
            retention: whole("MessageRetentionPeriod", 4 * SECONDS_IN_A_DAY, 60..=14 * SECONDS_IN_A_DAY)?,
            delay: whole("DelaySeconds", 0, 0..=900)?,
            wait: whole("ReceiveMessageWaitTimeSeconds", 0, 0..=20)?,
            redrive: given.get("RedrivePolicy").map(|text| RedrivePolicy::read(text)).transpose()?,
            redrive_allow: given
                .get("RedriveAllowPolicy")
                .map(|text| RedriveAllowPolicy::read(text))
                .transpose()?
                .unwrap_or_default(),
            content_based_deduplication: flag("ContentBasedDeduplication", false)?,
            deduplicate_by_group: one_of(&given, "DeduplicationScope", ["queue", "messageGroup"])?,
            given: Attributes::new(),
        };
        let per_group = one_of(&given, "FifoThroughputLimit", ["perQueue", "perMessageGroupId"])?;
        if per_group && !settings.deduplicate_by_group {
            return Err(refusal::invalid_attribute("FifoThroughputLimit"));
        }
        Ok(Self { given, ..settings })
    }

    /// These settings with some attributes changed. An empty value takes a policy or key away.
    pub(crate) fn changed(&self, queue: &str, changes: Attributes) -> Result<Self, ServiceError> {
        let mut given = self.given.clone();
        for (name, value) in changes {
            if name == "FifoQueue" {
                return Err(refusal::invalid_attribute("FifoQueue"));
            }
            if value.is_empty() && REMOVABLE.contains(&name.as_str()) {
                given.remove(&name);
            } else {
                given.insert(name, value);
            }
        }
        Self::read(queue, given)
    }

    /// What was set.
    pub(crate) fn given(&self) -> &Attributes {
        &self.given
    }

    /// All settings as `GetQueueAttributes` shows them: what was set, and the defaults of the rest.
    pub(crate) fn shown(&self) -> Attributes {
        let mut shown: Attributes = [
            ("VisibilityTimeout", self.visibility_timeout.to_string()),
            ("MaximumMessageSize", self.maximum_message_size.to_string()),
            ("MessageRetentionPeriod", self.retention.to_string()),
            ("DelaySeconds", self.delay.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.wait.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if !self.given.contains_key("KmsMasterKeyId") {
            shown.insert("SqsManagedSseEnabled".into(), "true".into());
        }
        if self.fifo {
            shown.insert("FifoQueue".into(), "true".into());
            shown.insert("ContentBasedDeduplication".into(), self.content_based_deduplication.to_string());
            shown.insert("DeduplicationScope".into(), "queue".into());
            shown.insert("FifoThroughputLimit".into(), "perQueue".into());
        }
        shown.extend(self.given.clone());
        if let Some(redrive) = &self.redrive {
            shown.insert("RedrivePolicy".into(), redrive.to_json());
        }
        shown
    }

    /// The first of these attributes that these settings do not have as given.
    pub(crate) fn difference<'a>(&self, queue: &str, wanted: &'a Attributes) -> Option<&'a str> {
        let shown = self.shown();
        // What is wanted is normalised by reading it, as the existing attributes were.
        let wanted_shown = Self::read(queue, wanted.clone()).ok().map(|settings| settings.shown());
        let names = wanted.keys().map(String::as_str);
        names
            .into_iter()
            .find(|name| shown.get(*name) != wanted_shown.as_ref().and_then(|all| all.get(*name)))
    }
}

/// Attributes that an empty value takes away.
const REMOVABLE: [&str; 4] = ["KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy"];

const SETTABLE: [&str; 12] = [
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

const SETTABLE_ON_FIFO: [&str; 3] =
    ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];

fn check_known(name: &str, fifo: bool) -> Result<(), ServiceError> {
    if SETTABLE.contains(&name) || (fifo && SETTABLE_ON_FIFO.contains(&name)) {
        return Ok(());
    }
    Err(refusal::unknown_attribute(name))
}

fn check_policy(given: &Attributes) -> Result<(), ServiceError> {
    match given.get("Policy") {
        Some(policy) if serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy.is_object()) => {
            Ok(())
        }
        Some(_) => Err(refusal::invalid_attribute("Policy")),
        None => Ok(()),
    }
}

/// Whether the attribute has the second of its two values; the first is the default.
fn one_of(given: &Attributes, name: &str, values: [&str; 2]) -> Result<bool, ServiceError> {
    match given.get(name).map(String::as_str) {
        None => Ok(false),
        Some(value) if value == values[0] => Ok(false),
        Some(value) if value == values[1] => Ok(true),
        Some(_) => Err(refusal::invalid_attribute(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn values_out_of_bounds_and_unknown_names_are_refused() {
        for (name, value) in [
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "-1"),
            ("DelaySeconds", "x"),
            ("MaximumMessageSize", "1048577"),
            ("RedrivePolicy", "{}"),
            ("Policy", "[]"),
            ("FifoQueue", "true"),
        ] {
            let error = Settings::read("jobs", attributes([(name, value)])).unwrap_err();
            assert!(error.code.ends_with("InvalidAttributeValue"), "{name}: {error}");
        }
        let error = Settings::read("jobs", attributes([("ContentBasedDeduplication", "true")])).unwrap_err();
        assert!(error.code.ends_with("InvalidAttributeName"));
    }

    #[test]
    fn an_empty_value_takes_a_policy_away() {
        let policy =
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}"#;
        let settings = Settings::read("jobs", attributes([("RedrivePolicy", policy)])).unwrap();
        assert!(settings.redrive.is_some());
        let settings = settings.changed("jobs", attributes([("RedrivePolicy", "")])).unwrap();
        assert!(settings.redrive.is_none());
        assert!(!settings.shown().contains_key("RedrivePolicy"));
    }
}
