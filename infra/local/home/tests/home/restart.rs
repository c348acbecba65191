use toss_local::{Home, HomeError};

use crate::house::{House, options};

#[tokio::test(flavor = "multi_thread")]
async fn everything_outlives_a_restart_and_nothing_is_told_twice() {
    let house = House::new().await;
    assert!(house.home.operator_key_is_new());
    let key = house.home.operator_key().to_owned();
    house.send("PUT", "/v1/notes/kept", "text").await;
    assert_eq!(house.note("seen-kept").await, "INSERT");
    let sdk = house.sdk();
    let definition = r#"{ "StartAt": "A", "States": { "A": { "Type": "Succeed" } } }"#;
    let machine = sdk.sfn().create_state_machine().name("kept").definition(definition);
    machine.role_arn("arn:aws:iam::000000000000:role/machines").send().await.unwrap();
    let before = sdk.kms().list_keys().send().await.unwrap();

    let house = house.restart().await;
    println!("started again in {:?}", house.started_in);
    assert!(!house.home.operator_key_is_new());
    assert_eq!(house.home.operator_key(), key);
    assert_eq!(house.note("kept").await, "text");
    let machines = house.sdk().sfn().list_state_machines().send().await.unwrap();
    assert_eq!(machines.state_machines()[0].name(), "kept");
    let after = house.sdk().kms().list_keys().send().await.unwrap();
    assert_eq!(before.keys()[0].key_id(), after.keys()[0].key_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_home_at_a_time() {
    let house = House::new().await;
    let second = Home::start(options(house.data())).await;
    assert!(matches!(second.err(), Some(HomeError::Locked { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_no_binary_has_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    if let Some(functions) = options.registries.get_mut("api") {
        functions.retain(|function| function.handler != "watcher");
    }
    let error = Home::start(options).await.err().unwrap().to_string();
    assert!(error.contains("toss-WatcherFunction: no function is called 'watcher' here"), "{error}");
}
