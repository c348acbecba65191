//! Python with packages from PyPI, in an environment below the target folder that is made once.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{binaries, root};

/// boto3 and the AWS CLI in versions that know each other, and the reference verifier of webhooks.
const PACKAGES: [&str; 3] = ["awscli==1.46.3", "boto3==1.44.5", "standardwebhooks==1.1.0"];

/// The environment's folder of programs.
pub(crate) fn programs() -> PathBuf {
    let folder = binaries::folder().parent().expect("the target folder").join("checks").join("house");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Tests run side by side, maybe in two processes: one makes the environment, the others wait for it.
    let lock = File::create(folder.join("lock")).expect("a lock");
    lock.lock().expect("the lock");
    let marker = folder.join("packages.txt");
    let wanted = PACKAGES.join("\n");
    let environment = folder.join("environment");
    if std::fs::read_to_string(&marker).unwrap_or_default() != wanted {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(environment.join("bin/python")).args(pip).args(PACKAGES));
        std::fs::write(&marker, wanted).expect("the marker");
    }
    environment.join("bin")
}

/// Runs a script of `tests/python`, which must succeed, and answers what it printed.
pub(crate) fn script(name: &str, arguments: &[&str]) -> String {
    let programs = programs();
    let path = root().join("tests/python").join(name);
    let output = run(Command::new(programs.join("python"))
        .arg(path)
        .args(arguments)
        .env("PATH", search_path(&programs))
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn search_path(programs: &Path) -> std::ffi::OsString {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tools that the script calls are found as the caller finds them"
    )]
    let inherited = std::env::var("PATH").unwrap_or_default();
    let mut path = programs.as_os_str().to_owned();
    path.push(":");
    path.push(inherited);
    path
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
