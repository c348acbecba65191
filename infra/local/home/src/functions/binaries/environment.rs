//! One process and the invocations that it serves, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use toss_runtime::FunctionError;

use super::log::LogFile;
use super::runtime_api::{self, Job};
use crate::functions::invocation::{crashed, timed_out};
use crate::functions::{FunctionResult, Invocation};

/// How long a process may take from its start to its first request for work: Lambda's limit.
const INITIALISATION: Duration = Duration::from_secs(10);

/// A process that serves a function.
pub(super) struct Environment {
    jobs: mpsc::Sender<Job>,
    /// Changes once, when the process has ended.
    ended: watch::Receiver<bool>,
    /// Ends the process when it is dropped or used.
    end: Option<oneshot::Sender<()>>,
    warm: std::sync::atomic::AtomicBool,
}

/// How an invocation left its environment.
pub(super) enum Ending {
    /// Ready for the next one.
    Answered(FunctionResult),
    /// Ended, or to be ended.
    Gone(FunctionResult),
}

impl Environment {
    /// Starts a process with these variables and no others.
    pub(super) async fn start(
        program: &Path,
        variables: &BTreeMap<String, String>,
        log: &Arc<LogFile>,
    ) -> Result<Self, FunctionError> {
        let failed = |error: std::io::Error| {
            let message = format!("{} cannot be started: {error}", program.display());
            FunctionError::new("Runtime.InvalidEntrypoint", message)
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (jobs, waiting) = mpsc::channel(1);
        let server = tokio::spawn(runtime_api::serve(listener, waiting));
        let mut child = Command::new(program)
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .current_dir(program.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C in the terminal is for the home, which lets running invocations finish.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        copy_output(&mut child, log);
        let (end, asked_to_end) = oneshot::channel();
        let (tell_ended, ended) = watch::channel(false);
        let log = Arc::clone(log);
        tokio::spawn(async move {
            tokio::select! {
                status = child.wait() => {
                    tracing::warn!(?status, log = %log.path().display(), "a function's process ended by itself");
                }
                _ = asked_to_end => {
                    let _ = child.kill().await;
                }
            }
            server.abort();
            let _ = tell_ended.send(true);
        });
        Ok(Self { jobs, ended, end: Some(end), warm: false.into() })
    }

    /// Whether the process runs.
    pub(super) fn is_alive(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Hands an invocation to the process and waits for its answer.
    pub(super) async fn invoke(&self, arn: &str, invocation: Invocation) -> Ending {
        let (answer, answered) = oneshot::channel();
        let (request_id, timeout) = (invocation.request_id.clone(), invocation.timeout);
        let (taken, started) = oneshot::channel();
        let job = Job { arn: arn.to_owned(), invocation, answer, taken };
        if self.jobs.send(job).await.is_err() {
            return Ending::Gone(Err(crashed(&request_id)));
        }
        let mut ended = self.ended.clone();
        let cold = !self.warm.swap(true, std::sync::atomic::Ordering::Relaxed);
        let run = async {
            if cold && tokio::time::timeout(INITIALISATION, started).await.is_err() {
                return Ending::Gone(Err(timed_out(&request_id, INITIALISATION)));
            }
            match tokio::time::timeout(timeout, answered).await {
                Ok(Ok(result)) => Ending::Answered(result),
                Ok(Err(_)) => Ending::Gone(Err(crashed(&request_id))),
                Err(_) => Ending::Gone(Err(timed_out(&request_id, timeout))),
            }
        };
        tokio::select! {
            biased;
            ending = run => ending,
            _ = ended.wait_for(|ended| *ended) => Ending::Gone(Err(crashed(&request_id))),
        }
    }

    /// Ends the process and waits until it has.
    pub(super) async fn end(mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

fn copy_output(child: &mut Child, log: &Arc<LogFile>) {
    if let Some(output) = child.stdout.take() {
        let log = Arc::clone(log);
        tokio::spawn(async move { log.copy(output).await });
    }
    if let Some(output) = child.stderr.take() {
        let log = Arc::clone(log);
        tokio::spawn(async move { log.copy(output).await });
    }
}
