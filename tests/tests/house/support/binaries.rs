//! The program under test and the Lambda binaries.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use super::root;

/// The `toss` command, and the trust groups whose binaries Lambda runs.
const PACKAGES: [&str; 5] = [
    "toss",
    "toss-functions-api",
    "toss-functions-activities",
    "toss-functions-egress",
    "toss-functions-workers",
];

/// The folder with all of them, of the same profile as this test; built once in a run.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("this test's own path");
        // target/<profile>/deps/house-<hash>
        let folder = test.ancestors().nth(2).expect("the profile's folder").to_owned();
        let target = folder.parent().expect("the target folder");
        let profile = match folder.file_name().and_then(|name| name.to_str()).expect("the profile's name") {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env!("CARGO"));
        build
            .current_dir(root())
            .args(["build", "--quiet", "--profile", profile, "--target-dir"])
            .arg(target);
        build.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "the program does not build");
        folder
    })
}

/// The `toss` command.
pub(crate) fn toss() -> PathBuf {
    folder().join("toss")
}

/// Runs `toss` to its end, in a folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(toss());
    command.current_dir(folder).args(arguments);
    // The caller's own settings are not the test's.
    for name in ["TOSS_OPERATOR_KEY", "TOSS_OUTBOUND_ALLOW", "TOSS_URL", "TOSS_API_KEY", "TOSS_LOG"] {
        command.env_remove(name);
    }
    command.output().expect("toss runs")
}
