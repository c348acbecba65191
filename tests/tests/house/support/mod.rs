//! The world of the tests: the program, its clients and the outside that it calls.

pub(crate) mod binaries;
pub(crate) mod client;
pub(crate) mod openapi;
pub(crate) mod platform;
pub(crate) mod python;
pub(crate) mod receiver;
pub(crate) mod tenant;
pub(crate) mod things;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project's root")
}

/// Looks until something is there, for so long.
pub(crate) async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < patience, "{what} did not come about within {patience:?}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}
