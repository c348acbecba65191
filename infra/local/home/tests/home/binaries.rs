use std::path::PathBuf;

use crate::house::House;

/// A folder with the tests' functions as the Lambda binary `api`.
fn binaries() -> (tempfile::TempDir, PathBuf) {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("examples/bootstrap");
    assert!(built.is_file(), "cargo builds {} with the tests", built.display());
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("api")).unwrap();
    std::os::unix::fs::symlink(built, folder.path().join("api/bootstrap")).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn lambda_binaries_serve_as_functions_in_process_do() {
    let (_folder, path) = binaries();
    let house = House::with_binaries(path).await;
    house.home.ready().await.unwrap();
    assert_eq!(house.send("PUT", "/v1/notes/one", "text").await.status, 201);
    assert_eq!(house.note("one").await, "text");
    assert_eq!(house.note("worked-one").await, "yes");
    assert_eq!(house.note("seen-one").await, "INSERT");
    assert_eq!(house.send("POST", "/v1/notes/a", "").await.body, "AccessDeniedException");
    house.home.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hangs_or_dies_is_replaced() {
    let (_folder, path) = binaries();
    let house = House::with_binaries(path).await;
    for kind in ["panic", "slow", "large", "nonsense", "panic"] {
        let response = house.send("GET", &format!("/v1/trouble/{kind}"), "").await;
        assert_eq!(response.status, 502, "{kind}");
    }
    let response = house.send("GET", "/v1/echo/a", "").await;
    assert_eq!(response.status, 200);
    house.home.shutdown().await;
}
