//! `TestState` requests.

use super::Verdict;
use super::compare::difference;
use super::functions;
use serde_json::{Value, json};
use toss_asl::{StateTest, Timestamp};

pub(crate) fn run(case: &Value) -> Verdict {
    let now = Timestamp::from_millis(1_763_800_000_000);
    let expected_error = case.get("expected_error");
    // The client refuses these before the service sees them.
    if expected_error.is_some_and(|error| error[0] == "ParamValidationError") {
        return Verdict::Skipped;
    }
    match (StateTest::new(&case["request"], ("us-east-1", "111111111111"), now), expected_error) {
        (Err(error), Some(expected)) => judge_error(expected, error.code, &error.message),
        (Err(error), None) => Verdict::Failed(format!("refused: {}: {}", error.code, error.message)),
        (Ok(_), Some(expected)) => Verdict::Failed(format!("expected {expected}, found an answer")),
        (Ok(test), None) => {
            let answer = match test.call() {
                Some(invocation) => match functions::answer(&case["functions"], invocation, now) {
                    Some(answer) => Some(answer.result.map(Into::into)),
                    None => return Verdict::Skipped,
                },
                None => None,
            };
            judge(case, test.finish(answer))
        }
    }
}

pub(super) fn judge_error(expected: &Value, code: &str, message: &str) -> Verdict {
    let (wanted_code, wanted) = match expected {
        Value::Array(texts) => (texts[0].as_str(), texts[1].as_str()),
        other => (other["Error"]["Code"].as_str(), other["message"].as_str()),
    };
    let prefix = format!("An error occurred ({code}) when calling the TestState operation: ");
    let wanted = wanted.unwrap_or_default();
    if wanted.strip_prefix(&prefix).unwrap_or(wanted) == message && wanted_code == Some(code) {
        Verdict::Passed
    } else {
        Verdict::Failed(format!("expected {expected}, found {code}: {message}"))
    }
}

pub(super) fn judge(case: &Value, mut answer: Value) -> Verdict {
    let mut expected = case["expected"].clone();
    if let Some(members) = expected.as_object_mut() {
        members.remove("ResponseMetadata");
    }
    // Lists inside an input are shown in the spacing of the recording client.
    for holder in [&mut expected, &mut answer] {
        if let Some(items) = holder.pointer_mut("/inspectionData/afterItemsPath") {
            *items = items.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(json!(null));
        }
    }
    difference(&expected, &answer).map_or(Verdict::Passed, Verdict::Failed)
}
