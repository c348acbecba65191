//! `toss up` as a child process, which dies with its test.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{binaries, client::Client};

/// A debug build on a busy machine makes its tables and keys within this.
const STARTING: Duration = Duration::from_secs(60);
/// How much of the log is shown for a failed test, in lines.
const LOG_LINES: usize = 120;

/// A running platform with a data folder of its own.
pub(crate) struct Platform {
    process: Child,
    folder: TempDir,
    options: Vec<String>,
    /// Where the API is, such as `http://127.0.0.1:41234`.
    pub(crate) api: String,
    /// Where the AWS services are.
    pub(crate) aws: String,
    /// The operator's key.
    pub(crate) operator_key: String,
}

impl Platform {
    /// Starts one with nothing in it; it may call receivers on this machine.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further options of `toss up`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let (process, addresses) = spawn(folder.path(), &options);
        let mut platform = Self {
            process,
            folder,
            options,
            api: String::new(),
            aws: String::new(),
            operator_key: String::new(),
        };
        platform.learn(addresses);
        platform
    }

    /// Ends it as a power cut does to a process: at any instruction, without a word.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a process of our own");
        self.process.wait().expect("its end");
    }

    /// Starts it again on the same data, on other ports.
    pub(crate) fn restart(&mut self) {
        let (process, addresses) = spawn(self.folder.path(), &self.options);
        self.process = process;
        self.learn(addresses);
    }

    /// A client with this key.
    pub(crate) fn client(&self, key: &str) -> Client {
        Client::new(&self.api, Some(key))
    }

    /// The operator.
    pub(crate) fn operator(&self) -> Client {
        self.client(&self.operator_key)
    }

    fn learn(&mut self, addresses: Option<String>) {
        let addresses: Value = addresses
            .and_then(|line| serde_json::from_str(&line).ok())
            .expect("the platform tells its addresses in one JSON line; its log follows");
        let text = |name: &str| addresses[name].as_str().unwrap_or_default().to_owned();
        self.api = text("api");
        self.aws = text("aws");
        self.operator_key = text("operator_key");
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("up.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the platform's log\n{}\n---", self.log());
        }
    }
}

/// A new process and the first line that it prints.
fn spawn(folder: &Path, options: &[String]) -> (Child, Option<String>) {
    let log = File::options().create(true).append(true).open(folder.join("up.log")).expect("a log");
    let mut process = Command::new(binaries::toss())
        .args(["up", "--json", "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"])
        .args(["--allow-outbound", "127.0.0.1", "--data"])
        .arg(folder.join("data"))
        .args(options)
        .current_dir(folder)
        .env_remove("TOSS_OPERATOR_KEY")
        .env_remove("TOSS_OUTBOUND_ALLOW")
        .env("TOSS_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("toss starts");
    let output = process.stdout.take().expect("a pipe");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody listens any more after the first line.
            let _ = tell.send(line);
        }
    });
    let addresses = told.recv_timeout(STARTING).ok();
    (process, addresses)
}
