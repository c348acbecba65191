//! The database names a region of its own in its ARNs; outside, they name the home's.

use std::borrow::Cow;

const INNER: &str = "arn:aws:dynamodb:dynoxide:";

/// Operations whose bodies hold ARNs and no tenant's data.
fn has_arns(operation: &str) -> bool {
    operation.ends_with("Table")
        || operation.ends_with("Stream")
        || operation.ends_with("Streams")
        || operation.ends_with("OfResource")
}

/// An answer with the home's region in its ARNs.
pub(super) fn outward(operation: &str, region: &str, output: String) -> String {
    if has_arns(operation) {
        output.replace(INNER, &format!("arn:aws:dynamodb:{region}:"))
    } else if operation == "GetRecords" {
        // A text of an item has its quotation marks escaped, so this is no item's.
        output.replace("\"awsRegion\":\"dynoxide\"", &format!("\"awsRegion\":\"{region}\""))
    } else {
        output
    }
}

/// A request with the database's region in the ARN of the resource it names.
pub(super) fn inward<'b>(operation: &str, body: &'b str) -> Cow<'b, str> {
    if !operation.ends_with("Resource") {
        return Cow::Borrowed(body);
    }
    let Ok(mut request) = serde_json::from_str::<serde_json::Value>(body) else { return Cow::Borrowed(body) };
    if let Some(arn) = request.get("ResourceArn").and_then(|arn| arn.as_str())
        && let Some(rest) = arn.strip_prefix("arn:aws:dynamodb:").and_then(|rest| rest.split_once(':'))
    {
        request["ResourceArn"] = format!("{INNER}{}", rest.1).into();
    }
    Cow::Owned(request.to_string())
}
