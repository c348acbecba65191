use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use serde_json::json;

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_role_does_not_name_is_refused() {
    let house = House::new().await;
    let response = house.send("POST", "/v1/notes/a", "").await;
    assert_eq!(response.body, "AccessDeniedException");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_reaches_every_service_over_the_port() {
    let house = House::new().await;
    let sdk = house.sdk();
    let tables = sdk.dynamodb().list_tables().send().await.unwrap();
    assert_eq!(tables.table_names(), ["notes", "toss-Secrets"]);
    let url = sdk.sqs().get_queue_url().queue_name("jobs").send().await.unwrap();
    assert_eq!(url.queue_url(), Some(format!("{}/000000000000/jobs", house.home.aws_url()).as_str()));
    let keys = sdk.kms().list_keys().send().await.unwrap();
    assert_eq!(keys.keys().len(), 1);
    let error = sdk.dynamodb().describe_table().table_name("missing").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_machine_calls_only_what_its_role_allows() {
    let house = House::new().await;
    let sdk = house.sdk();
    let task = |function: &str| {
        json!({ "StartAt": "Call", "States": { "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": function, "Payload": { "n": 1 } },
            "Output": "{% $states.result.Payload %}",
            "QueryLanguage": "JSONata",
            "End": true,
        }}})
        .to_string()
    };
    for (name, function, status) in
        [("allowed", "echo", "SUCCEEDED"), ("refused", "toss-NotesFunction", "FAILED")]
    {
        let machine = sdk.sfn().create_state_machine().name(name).definition(task(function));
        let machine = machine.role_arn("arn:aws:iam::000000000000:role/machines").send().await.unwrap();
        let started = sdk.sfn().start_execution().state_machine_arn(machine.state_machine_arn()).name(name);
        let started = started.send().await.unwrap();
        // The rule on ends tells the watcher, which notes it.
        assert_eq!(house.note(&format!("ended-{name}")).await, status);
        let ended =
            sdk.sfn().describe_execution().execution_arn(started.execution_arn()).send().await.unwrap();
        match status {
            "SUCCEEDED" => assert_eq!(ended.output(), Some("{\"n\":1}")),
            _ => assert!(ended.cause().unwrap_or_default().contains("is not authorized"), "{ended:?}"),
        }
    }
}
