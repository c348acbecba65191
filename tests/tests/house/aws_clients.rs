//! boto3 and the AWS CLI, on the port where the platform speaks AWS.

use crate::support::{platform::Platform, python};

#[test]
fn boto3_and_the_aws_cli_work_against_the_aws_port() {
    let platform = Platform::start();
    let told = python::script("aws_clients.py", &[&platform.aws]);
    for part in ["dynamodb", "sqs", "kms", "stepfunctions", "cli"] {
        assert!(told.lines().any(|line| line == format!("{part}: ok")), "{part} is missing in:\n{told}");
    }
}
