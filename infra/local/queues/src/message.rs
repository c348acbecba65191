//! Messages: what a sender may put in one, and what is kept of it.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use toss_local_protocol::ServiceError;

use crate::{digest, refusal};

/// The most that a message, attributes included, may hold.
pub(crate) const LARGEST_MESSAGE: usize = 1 << 20;
const MOST_ATTRIBUTES: usize = 10;
const LONGEST_ATTRIBUTE_NAME: usize = 256;

/// A message as kept. It never changes; what happens to it is kept beside it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    /// Its place in the order of all messages of this home.
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) body_digest: String,
    pub(crate) attributes: BTreeMap<String, MessageAttribute>,
    pub(crate) trace_header: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(crate) sender: String,
    /// Milliseconds since 1970, as all times here.
    pub(crate) sent: i64,
    pub(crate) delayed_until: i64,
    /// The ARN of the queue that gave it up, in a dead-letter queue.
    pub(crate) dead_letter_source: Option<String>,
}

impl StoredMessage {
    /// What it adds to the data that the queues hold.
    pub(crate) fn size(&self) -> u64 {
        (self.body.len() + attributes_size(&self.attributes)) as u64
    }
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    pub(crate) content: AttributeContent,
}

/// The content of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AttributeContent {
    Text(String),
    Binary(#[serde(serialize_with = "to_base64", deserialize_with = "from_base64")] Vec<u8>),
}

/// A message attribute as requests write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeInput {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
    string_list_values: Option<Vec<Value>>,
    binary_list_values: Option<Vec<Value>>,
}

impl AttributeInput {
    /// Its size as a batch counts it, before it is checked.
    pub(crate) fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.data_type) + length(&self.string_value) + length(&self.binary_value) / 4 * 3
    }
}

impl MessageAttribute {
    /// Its JSON form, the same in answers and in Lambda events but for the case of names.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            AttributeContent::Text(text) => json!({ "DataType": self.data_type, "StringValue": text }),
            AttributeContent::Binary(bytes) => {
                json!({ "DataType": self.data_type, "BinaryValue": STANDARD.encode(bytes) })
            }
        }
    }

    fn size(&self) -> usize {
        self.data_type.len()
            + match &self.content {
                AttributeContent::Text(text) => text.len(),
                AttributeContent::Binary(bytes) => bytes.len(),
            }
    }
}

/// The size of attributes as SQS counts it: names, types and values.
pub(crate) fn attributes_size(attributes: &BTreeMap<String, MessageAttribute>) -> usize {
    attributes.iter().map(|(name, attribute)| name.len() + attribute.size()).sum()
}

/// Checks a body: what XML 1.0 can carry, and not empty.
pub(crate) fn check_body(body: &str) -> Result<(), ServiceError> {
    if body.is_empty() {
        return Err(refusal::missing("MessageBody"));
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    if !body.chars().all(allowed) {
        return Err(refusal::modelled(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ));
    }
    Ok(())
}

/// Checks the message attributes of a request.
pub(crate) fn checked_attributes(
    inputs: BTreeMap<String, AttributeInput>,
) -> Result<BTreeMap<String, MessageAttribute>, ServiceError> {
    if inputs.len() > MOST_ATTRIBUTES {
        return Err(refusal::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MOST_ATTRIBUTES}].",
            inputs.len()
        )));
    }
    let check = |(name, input): (String, AttributeInput)| {
        check_attribute_name(&name)?;
        let attribute = checked_attribute(&name, input)?;
        Ok((name, attribute))
    };
    inputs.into_iter().map(check).collect()
}

fn check_attribute_name(name: &str) -> Result<(), ServiceError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let lower = name.to_ascii_lowercase();
    if name.is_empty()
        || name.len() > LONGEST_ATTRIBUTE_NAME
        || !name.chars().all(allowed)
        || name.starts_with('.')
        || name.ends_with('.')
        || name.contains("..")
        || lower.starts_with("aws.")
        || lower.starts_with("amazon.")
    {
        let name: String = name.chars().take(128).collect();
        return Err(refusal::invalid_parameter(format!(
            "The message attribute name '{name}' is invalid. Use letters, digits, '_', '-' and single '.', at most {LONGEST_ATTRIBUTE_NAME}, not beginning with AWS. or Amazon."
        )));
    }
    Ok(())
}

fn checked_attribute(name: &str, input: AttributeInput) -> Result<MessageAttribute, ServiceError> {
    let refuse = |what: &str| refusal::invalid_parameter(format!("The message attribute '{name}' {what}"));
    if input.string_list_values.is_some_and(|list| !list.is_empty())
        || input.binary_list_values.is_some_and(|list| !list.is_empty())
    {
        return Err(refusal::modelled(
            "UnsupportedOperation",
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    let data_type = input.data_type.unwrap_or_default();
    let base = data_type.split('.').next().unwrap_or_default();
    let content = match (base, input.string_value, input.binary_value) {
        ("", _, _) => return Err(refuse("must contain non-empty message attribute type.")),
        ("String" | "Number", Some(text), None) if !text.is_empty() => {
            if base == "Number" && !is_number(&text) {
                return Err(refuse("with type 'Number' must use field 'String' with a number."));
            }
            check_body(&text)?;
            AttributeContent::Text(text)
        }
        ("Binary", None, Some(text)) if !text.is_empty() => {
            let bytes = STANDARD.decode(text);
            AttributeContent::Binary(bytes.map_err(|_| refuse("has a BinaryValue that is not base64."))?)
        }
        ("String" | "Number" | "Binary", _, _) => {
            return Err(refuse(&format!("must contain one non-empty value that fits its type '{base}'.")));
        }
        _ => {
            return Err(refuse(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
            ));
        }
    };
    if data_type.len() > LONGEST_ATTRIBUTE_NAME {
        return Err(refuse("has a type longer than 256 characters."));
    }
    Ok(MessageAttribute { data_type, content })
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok_and(f64::is_finite)
}

/// The digest of the message's system attributes, none if it has none.
pub(crate) fn system_attributes_digest(trace_header: Option<&String>) -> Option<String> {
    let header = trace_header?;
    let attribute =
        MessageAttribute { data_type: "String".into(), content: AttributeContent::Text(header.clone()) };
    digest::of_attributes([(&"AWSTraceHeader".to_owned(), &attribute)])
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
