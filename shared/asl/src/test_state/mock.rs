//! Whether a mocked result looks like what the service answers.

use crate::TaskResource;
use serde_json::Value;

/// The shape of an answer's field.
enum Shape {
    Text,
    /// A text of at least so many characters.
    TextFrom(usize),
    OneOf(&'static [&'static str]),
    Number,
    NumberIn(f64, f64),
    Truth,
    List(&'static Shape),
    Object(&'static [Field]),
}

struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

static START_EXECUTION: [Field; 2] =
    [required("ExecutionArn", Shape::Text), required("StartDate", Shape::Text)];
static PUT_EVENTS_ENTRY: Shape = Shape::Object(&[
    field("EventId", Shape::Text),
    field("ErrorCode", Shape::Text),
    field("ErrorMessage", Shape::Text),
]);
static PUT_EVENTS: [Field; 2] =
    [field("Entries", Shape::List(&PUT_EVENTS_ENTRY)), field("FailedEntryCount", Shape::Number)];
static INVOKE: [Field; 4] = [
    field("StatusCode", Shape::Number),
    field("ExecutedVersion", Shape::Text),
    field("FunctionError", Shape::Text),
    field("LogResult", Shape::Text),
];
static SEND_MESSAGE: [Field; 5] = [
    field("MessageId", Shape::Text),
    field("MD5OfMessageBody", Shape::Text),
    field("MD5OfMessageAttributes", Shape::Text),
    field("MD5OfMessageSystemAttributes", Shape::Text),
    field("SequenceNumber", Shape::Text),
];
static PUBLISH: [Field; 2] = [field("MessageId", Shape::Text), field("SequenceNumber", Shape::Text)];
static GET_OBJECT: [Field; 10] = [
    field("ContentLength", Shape::Number),
    field("ContentType", Shape::Text),
    field("ContentEncoding", Shape::Text),
    field("ETag", Shape::Text),
    field("VersionId", Shape::Text),
    field("LastModified", Shape::Text),
    field("DeleteMarker", Shape::Truth),
    field("PartsCount", Shape::Number),
    field("TagCount", Shape::Number),
    field(
        "StorageClass",
        Shape::OneOf(&[
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "DEEP_ARCHIVE",
            "OUTPOSTS",
            "GLACIER_IR",
            "SNOW",
            "EXPRESS_ONEZONE",
        ]),
    ),
];
static ENCRYPT: [Field; 3] = [
    field("CiphertextBlob", Shape::TextFrom(1)),
    field("KeyId", Shape::TextFrom(1)),
    field(
        "EncryptionAlgorithm",
        Shape::OneOf(&["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"]),
    ),
];
static DECRYPT: [Field; 2] = [field("KeyId", Shape::TextFrom(1)), field("Plaintext", Shape::TextFrom(1))];
static GET_FUNCTION: [Field; 1] = [field(
    "Configuration",
    Shape::Object(&[
        field("FunctionName", Shape::Text),
        field("FunctionArn", Shape::Text),
        field("Runtime", Shape::Text),
        field("Role", Shape::Text),
        field("Handler", Shape::Text),
        field("CodeSize", Shape::Number),
        field("Timeout", Shape::NumberIn(1.0, f64::MAX)),
        field("MemorySize", Shape::NumberIn(128.0, 10_240.0)),
        field("PackageType", Shape::OneOf(&["Zip", "Image"])),
    ]),
)];

/// The fields of an answer, where they are known.
fn fields(resource: &TaskResource) -> Option<&'static [Field]> {
    let service = resource.service().trim_start_matches("aws-sdk:");
    Some(match (service, resource.action()) {
        ("states" | "sfn", "startExecution") if resource.pattern() == crate::Pattern::RequestResponse => {
            &START_EXECUTION
        }
        ("events" | "eventbridge", "putEvents") => &PUT_EVENTS,
        ("lambda", "invoke") => &INVOKE,
        ("lambda", "getFunction") => &GET_FUNCTION,
        ("sqs", "sendMessage") => &SEND_MESSAGE,
        ("sns", "publish") => &PUBLISH,
        ("s3", "getObject") => &GET_OBJECT,
        ("kms", "encrypt") => &ENCRYPT,
        ("kms", "decrypt") => &DECRYPT,
        _ => return None,
    })
}

/// Checks a mocked result. Without `strict`, fields may be missing.
pub(super) fn check(resource: &TaskResource, result: &Value, strict: bool) -> Result<(), String> {
    let Some(fields) = fields(resource) else { return Ok(()) };
    check_fields(fields, result, strict)
        .map_err(|reason| format!("Mock result schema validation error: {reason}"))
}

fn check_fields(fields: &[Field], value: &Value, strict: bool) -> Result<(), String> {
    for field in fields {
        match value.get(field.name) {
            None if strict && field.required => {
                return Err(format!("Required field '{}' is missing", field.name));
            }
            None => {}
            Some(found) => check_shape(field.name, &field.shape, found, strict)?,
        }
    }
    Ok(())
}

fn check_shape(name: &str, shape: &Shape, value: &Value, strict: bool) -> Result<(), String> {
    let must =
        |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("Field '{name}' must be {what}")) };
    match shape {
        Shape::Text => must(value.is_string(), "a string"),
        Shape::TextFrom(least) => {
            must(value.is_string(), "a string")?;
            let length = value.as_str().map_or(0, str::len);
            if length < *least {
                Err(format!("Field '{name}' is smaller than the minimum length"))
            } else {
                Ok(())
            }
        }
        Shape::OneOf(words) => {
            must(value.is_string(), "a string")?;
            let known = value.as_str().is_some_and(|word| words.contains(&word));
            if known { Ok(()) } else { Err(format!("Field '{name}' is not an expected value")) }
        }
        Shape::Number => must(value.is_number(), "a number"),
        Shape::NumberIn(least, most) => {
            must(value.is_number(), "a number")?;
            match value.as_f64() {
                Some(number) if number < *least => {
                    Err(format!("Field '{name}' is less than the minimum value"))
                }
                Some(number) if number > *most => Err(format!("Field '{name}' exceeds the maximum value")),
                _ => Ok(()),
            }
        }
        Shape::Truth => must(value.is_boolean(), "a boolean"),
        Shape::List(item) => {
            must(value.is_array(), "an array")?;
            value
                .as_array()
                .into_iter()
                .flatten()
                .try_for_each(|value| check_shape(name, item, value, strict))
        }
        Shape::Object(fields) => {
            must(value.is_object(), "an object")?;
            check_fields(fields, value, strict)
        }
    }
}
