//! How a task fails when the service that it calls refuses.

use toss_asl::Failure;

use crate::home::CallError;

use super::random_uuid;

/// The refusal of an optimised integration's call.
pub(super) fn refused(service: &str, error: &CallError) -> Failure {
    let cause = format!(
        "{} (Service: {}; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        error.message,
        service_name(service),
        error.status,
        error.code,
        random_uuid()
    );
    let name = match base_name(service) {
        Some(base) if is_unmodelled(service, &error.code) => base.to_owned(),
        _ => with_ending(&error.code),
    };
    Failure::new(format!("{}.{name}", integration_prefix(service)), cause)
}

/// The refusal of a call of the AWS SDK.
pub(super) fn refused_by_sdk(service: &str, error: &CallError) -> Failure {
    let prefix = sdk_prefix(service);
    let id = random_uuid();
    let extended =
        if service == "s3" { format!(", Extended Request ID: {}", random_uuid()) } else { String::new() };
    let cause = format!(
        "{} (Service: {prefix}, Status Code: {}, Request ID: {id}{extended}) (SDK Attempt Count: 1)",
        error.message, error.status
    );
    let name = if is_unmodelled(service, &error.code) {
        format!("{prefix}Exception")
    } else {
        with_ending(&error.code)
    };
    Failure::new(format!("{prefix}.{name}"), cause)
}

fn with_ending(code: &str) -> String {
    if code.ends_with("Exception") || code.ends_with("Error") {
        code.to_owned()
    } else {
        format!("{code}Exception")
    }
}

/// Whether AWS's SDK has no class of its own for the error, so that the service's general one stands for it.
fn is_unmodelled(service: &str, code: &str) -> bool {
    match code {
        "AccessDeniedException" | "AccessDenied" => true,
        "ValidationException" => service == "dynamodb",
        _ => false,
    }
}

fn base_name(service: &str) -> Option<&'static str> {
    Some(match service {
        "dynamodb" => "AmazonDynamoDBException",
        "events" => "AmazonEventBridgeException",
        "lambda" => "AWSLambdaException",
        "s3" => "AmazonS3Exception",
        "sns" => "AmazonSNSException",
        "sqs" => "AmazonSQSException",
        "states" => "AWSStepFunctionsException",
        _ => return None,
    })
}

fn integration_prefix(service: &str) -> &str {
    match service {
        "dynamodb" => "DynamoDB",
        "events" => "EventBridge",
        "lambda" => "Lambda",
        "s3" => "S3",
        "sns" => "SNS",
        "sqs" => "SQS",
        "states" => "StepFunctions",
        other => other,
    }
}

fn sdk_prefix(service: &str) -> String {
    match service {
        "dynamodb" => "DynamoDb".to_owned(),
        "eventbridge" => "EventBridge".to_owned(),
        "secretsmanager" => "SecretsManager".to_owned(),
        other => super::service::capitalised(other),
    }
}

fn service_name(service: &str) -> &str {
    match service {
        "dynamodb" => "AmazonDynamoDBv2",
        "events" => "AmazonEventBridge",
        "lambda" => "AWSLambda",
        "s3" => "Amazon S3",
        "sns" => "AmazonSNS",
        "sqs" => "AmazonSQS",
        "states" => "AWSStepFunctions",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> CallError {
        CallError { status: 400, code: code.to_owned(), message: "No".to_owned() }
    }

    #[test]
    fn errors_that_the_sdk_does_not_know_have_the_name_of_the_service() {
        let named = |failure: Failure| failure.error.unwrap().to_string();
        assert_eq!(
            named(refused("dynamodb", &error("ValidationException"))),
            "DynamoDB.AmazonDynamoDBException"
        );
        assert_eq!(named(refused("lambda", &error("AccessDeniedException"))), "Lambda.AWSLambdaException");
        assert_eq!(named(refused("sns", &error("NotFound"))), "SNS.NotFoundException");
        assert_eq!(
            named(refused_by_sdk("dynamodb", &error("ValidationException"))),
            "DynamoDb.DynamoDbException"
        );
        assert_eq!(named(refused_by_sdk("sfn", &error("InvalidToken"))), "Sfn.InvalidTokenException");
    }

    #[test]
    fn the_two_kinds_of_calls_tell_causes_in_their_own_words() {
        let cause = refused("sqs", &error("X")).cause.unwrap();
        assert!(cause.starts_with("No (Service: AmazonSQS; Status Code: 400; Error Code: X; Request ID: "));
        let cause = refused_by_sdk("sfn", &error("X")).cause.unwrap();
        assert!(cause.starts_with("No (Service: Sfn, Status Code: 400, Request ID: "));
        assert!(cause.ends_with(") (SDK Attempt Count: 1)"));
    }
}
