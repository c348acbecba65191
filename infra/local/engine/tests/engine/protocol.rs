use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Home, ROLE, call, create, ended, open, start, task};

fn pass() -> Value {
    json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "End": true } } })
}

#[tokio::test]
async fn creating_the_same_machine_twice_is_one_machine_and_another_is_refused() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let arn = create(&engine, "m", &pass()).await;
    assert_eq!(create(&engine, "m", &pass()).await, arn);
    let other = json!({ "name": "m", "definition": task("a", None).to_string(), "roleArn": ROLE });
    assert_eq!(call(&engine, "CreateStateMachine", other).await.unwrap_err().code, "InvalidDefinition");
    let other = json!({ "name": "m", "definition": pass().to_string(), "roleArn": ROLE, "type": "EXPRESS" });
    let error = call(&engine, "CreateStateMachine", other).await.unwrap_err();
    assert_eq!(error.message, format!("State Machine Already Exists: '{arn}'"));
    let bad = json!({ "name": "a b", "definition": pass().to_string(), "roleArn": ROLE });
    let error = call(&engine, "CreateStateMachine", bad).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("InvalidName", "Invalid Name: 'a b'"));
    let error = call(&engine, "CreateStateMachine", json!({ "name": "x" })).await.unwrap_err();
    assert_eq!(
        error.message,
        "2 validation errors detected: Value null at 'definition' failed to satisfy constraint: Member must not be null; Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    );
}

#[tokio::test]
async fn a_start_repeated_is_the_same_execution_and_another_input_is_refused() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine =
        create(&engine, "m", &json!({ "StartAt": "H", "States": { "H": task("hang", None) } })).await;
    let execution = start(&engine, &machine, "x", &json!({ "n": 1 })).await;
    assert_eq!(start(&engine, &machine, "x", &json!({ "n": 1 })).await, execution);
    let other = json!({ "stateMachineArn": machine, "name": "x", "input": "{\"n\":2}" });
    let error = call(&engine, "StartExecution", other).await.unwrap_err();
    assert_eq!(error.message, format!("Execution Already Exists: '{execution}'"));
    let missing = json!({ "stateMachineArn": format!("{machine}x") });
    assert_eq!(call(&engine, "StartExecution", missing).await.unwrap_err().code, "StateMachineDoesNotExist");
    let bad = json!({ "stateMachineArn": machine, "input": "{" });
    assert_eq!(call(&engine, "StartExecution", bad).await.unwrap_err().code, "InvalidExecutionInput");
    let bad = json!({ "stateMachineArn": "nonsense" });
    let error = call(&engine, "StartExecution", bad).await.unwrap_err();
    assert_eq!(error.message, "Invalid Arn: 'Invalid ARN prefix: nonsense'");
}

#[tokio::test]
async fn executions_are_listed_newest_first_by_pages_and_filters() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "m", &pass()).await;
    let hang = create(&engine, "h", &json!({ "StartAt": "H", "States": { "H": task("hang", None) } })).await;
    for number in 0..5 {
        ended(&engine, &start(&engine, &machine, &format!("x{number}"), &json!({})).await).await;
    }
    start(&engine, &hang, "y", &json!({})).await;
    let mut names = Vec::new();
    let mut next = Value::Null;
    loop {
        let input = json!({ "stateMachineArn": machine, "maxResults": 2, "nextToken": next });
        let page = call(&engine, "ListExecutions", input).await.unwrap();
        names.extend(page["executions"].as_array().unwrap().iter().map(|line| line["name"].clone()));
        next = page["nextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(json!(names), json!(["x4", "x3", "x2", "x1", "x0"]));
    for (status, count) in [("RUNNING", 1), ("SUCCEEDED", 0)] {
        let input = json!({ "stateMachineArn": hang, "statusFilter": status });
        let page = call(&engine, "ListExecutions", input).await.unwrap();
        assert_eq!(page["executions"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn a_history_is_read_by_pages_in_both_directions() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "m", &pass()).await;
    let execution = start(&engine, &machine, "x", &json!({ "secret": 1 })).await;
    ended(&engine, &execution).await;
    for reverse in [false, true] {
        let mut ids = Vec::new();
        let mut next = Value::Null;
        loop {
            let input = json!({ "executionArn": execution, "maxResults": 3, "reverseOrder": reverse, "nextToken": next });
            let page = call(&engine, "GetExecutionHistory", input).await.unwrap();
            ids.extend(page["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()));
            next = page["nextToken"].clone();
            if next.is_null() {
                break;
            }
        }
        assert_eq!(ids, if reverse { [4, 3, 2, 1] } else { [1, 2, 3, 4] });
    }
    let input = json!({ "executionArn": execution, "includeExecutionData": false });
    let page = call(&engine, "GetExecutionHistory", input).await.unwrap();
    assert!(!page.to_string().contains("secret"));
}

#[tokio::test]
async fn versions_and_aliases_route_executions() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "m", &pass()).await;
    let first =
        call(&engine, "PublishStateMachineVersion", json!({ "stateMachineArn": machine })).await.unwrap();
    let first = first["stateMachineVersionArn"].clone();
    assert_eq!(first, format!("{machine}:1"));
    let changed = json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "Result": 2, "End": true } } });
    let update = json!({ "stateMachineArn": machine, "definition": changed.to_string(), "publish": true });
    let second = call(&engine, "UpdateStateMachine", update).await.unwrap()["stateMachineVersionArn"].clone();
    assert_eq!(second, format!("{machine}:2"));
    let routes = json!([{ "stateMachineVersionArn": first, "weight": 100 }]);
    let alias = json!({ "name": "live", "routingConfiguration": routes });
    let alias =
        call(&engine, "CreateStateMachineAlias", alias).await.unwrap()["stateMachineAliasArn"].clone();
    let alias = alias.as_str().unwrap();
    let by_alias = start(&engine, alias, "by-alias", &json!({ "n": 1 })).await;
    let found = ended(&engine, &by_alias).await;
    assert_eq!((&found["output"], &found["stateMachineVersionArn"]), (&json!("{\"n\":1}"), &first));
    assert_eq!(found["stateMachineAliasArn"], alias);
    let by_machine = start(&engine, &machine, "by-machine", &json!({ "n": 1 })).await;
    assert_eq!(ended(&engine, &by_machine).await["output"], "2");
    let held = call(&engine, "DeleteStateMachineVersion", json!({ "stateMachineVersionArn": first })).await;
    assert_eq!(held.unwrap_err().code, "ConflictException");
    let routes = json!([{ "stateMachineVersionArn": second, "weight": 100 }]);
    let update = json!({ "stateMachineAliasArn": alias, "routingConfiguration": routes });
    call(&engine, "UpdateStateMachineAlias", update).await.unwrap();
    call(&engine, "DeleteStateMachineVersion", json!({ "stateMachineVersionArn": first })).await.unwrap();
    let listed =
        call(&engine, "ListStateMachineVersions", json!({ "stateMachineArn": machine })).await.unwrap();
    assert_eq!(listed["stateMachineVersions"].as_array().unwrap().len(), 1);
    let listed = call(&engine, "ListExecutions", json!({ "stateMachineArn": alias })).await.unwrap();
    assert_eq!(listed["executions"][0]["name"], "by-alias");
}

#[tokio::test]
async fn an_express_machine_answers_in_the_same_call() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let definition = json!({ "StartAt": "A", "States": { "A": task("a", None) } });
    let input =
        json!({ "name": "e", "definition": definition.to_string(), "roleArn": ROLE, "type": "EXPRESS" });
    let machine = call(&engine, "CreateStateMachine", input).await.unwrap()["stateMachineArn"].clone();
    let answer =
        call(&engine, "StartSyncExecution", json!({ "stateMachineArn": machine, "input": "{\"n\":1}" }))
            .await
            .unwrap();
    assert_eq!((&answer["status"], &answer["output"]), (&json!("SUCCEEDED"), &json!("{\"n\":1}")));
    call(&engine, "StartExecution", json!({ "stateMachineArn": machine, "input": "{\"n\":2}" }))
        .await
        .unwrap();
    while home.calls("a") < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let standard = create(&engine, "s", &pass()).await;
    let refused = call(&engine, "StartSyncExecution", json!({ "stateMachineArn": standard })).await;
    assert_eq!(refused.unwrap_err().code, "StateMachineTypeNotSupported");
}

#[tokio::test]
async fn tags_are_kept_and_a_deleted_machine_is_gone() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let machine = create(&engine, "m", &pass()).await;
    let tags = json!([{ "key": "team", "value": "pay" }]);
    call(&engine, "TagResource", json!({ "resourceArn": machine, "tags": tags })).await.unwrap();
    let listed = call(&engine, "ListTagsForResource", json!({ "resourceArn": machine })).await.unwrap();
    assert_eq!(listed["tags"], tags);
    let execution = start(&engine, &machine, "x", &json!({})).await;
    call(&engine, "DeleteStateMachine", json!({ "stateMachineArn": machine })).await.unwrap();
    let gone = call(&engine, "DescribeStateMachine", json!({ "stateMachineArn": machine })).await;
    assert_eq!(gone.unwrap_err().code, "StateMachineDoesNotExist");
    assert_eq!(ended(&engine, &execution).await["status"], "SUCCEEDED");
    let unknown = call(&engine, "Frobnicate", json!({})).await;
    assert_eq!(unknown.unwrap_err().code, "UnknownOperationException");
}

#[tokio::test]
async fn definitions_are_validated_and_a_state_is_tested_by_itself() {
    let (folder, home) = (tempfile::tempdir().unwrap(), Arc::new(Home::default()));
    let engine = open(folder.path(), &home);
    let good = json!({ "definition": pass().to_string() });
    assert_eq!(call(&engine, "ValidateStateMachineDefinition", good).await.unwrap()["result"], "OK");
    let bad = call(&engine, "ValidateStateMachineDefinition", json!({ "definition": "{}" })).await.unwrap();
    assert_eq!(bad["result"], "FAIL");
    assert_eq!(bad["diagnostics"][0]["code"], "SCHEMA_VALIDATION_FAILED");
    let test = json!({ "definition": task("echo", None).to_string(), "roleArn": ROLE, "input": "{\"n\":1}" });
    let tested = call(&engine, "TestState", test).await.unwrap();
    assert_eq!((&tested["status"], &tested["output"]), (&json!("SUCCEEDED"), &json!("{\"n\":1}")));
}
