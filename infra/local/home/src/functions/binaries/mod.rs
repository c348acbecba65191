//! Lambda binaries as processes, over the Lambda Runtime API.
//!
//! An environment is one process with one loopback port, as Lambda gives each its own sandbox. It is started
//! when an invocation finds none idle, kept warm, ended when it runs past its time, and replaced when it ends
//! by itself.

mod environment;
mod log;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::{FunctionResult, Host, Identity, Invocation};
use crate::template::model::Function;
use environment::{Ending, Environment};
use log::LogFile;

/// Environments of one function at once.
const ENVIRONMENTS: usize = 16;

/// Hosts functions as processes.
pub(crate) struct Binaries {
    pools: BTreeMap<String, Pool>,
}

/// The environments of one function.
struct Pool {
    program: PathBuf,
    variables: BTreeMap<String, String>,
    log: Arc<LogFile>,
    slots: Semaphore,
    idle: Mutex<Vec<Environment>>,
}

impl Binaries {
    /// Finds the binary of every function: `<folder>/<binary>/bootstrap`, or `<folder>/<binary>`. What is missing
    /// is told for all of them at once.
    pub(crate) fn find<'f>(
        folder: &Path,
        functions: impl IntoIterator<Item = (&'f Function, &'f Identity)>,
        endpoint: &str,
        logs: &Path,
    ) -> Result<Self, Vec<String>> {
        let mut pools = BTreeMap::new();
        let mut problems = Vec::new();
        for (function, identity) in functions {
            let Some(program) = program(folder, &function.binary) else {
                problems.push(format!(
                    "{}: there is no {} and no {}; build it, for example with `cargo lambda build`",
                    function.name,
                    folder.join(&function.binary).join("bootstrap").display(),
                    folder.join(&function.binary).display()
                ));
                continue;
            };
            let mut variables = identity.variables(function);
            variables.insert("AWS_ENDPOINT_URL".into(), endpoint.to_owned());
            variables.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
            let pool = Pool {
                program,
                variables,
                log: Arc::new(LogFile::new(logs.join(format!("{}.log", function.name)))),
                slots: Semaphore::new(ENVIRONMENTS),
                idle: Mutex::default(),
            };
            pools.insert(function.name.clone(), pool);
        }
        if problems.is_empty() { Ok(Self { pools }) } else { Err(problems) }
    }
}

fn program(folder: &Path, binary: &str) -> Option<PathBuf> {
    let candidates = [folder.join(binary).join("bootstrap"), folder.join(binary)];
    candidates.into_iter().find(|path| path.is_file()).map(|path| path.canonicalize().unwrap_or(path))
}

impl Pool {
    fn take_idle(&self) -> Option<Environment> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The one used last is the likeliest to be alive.
        while let Some(environment) = idle.pop() {
            if environment.is_alive() {
                return Some(environment);
            }
        }
        None
    }

    async fn run(&self, function: &Function, invocation: Invocation) -> FunctionResult {
        let _slot = self.slots.acquire().await;
        let environment = match self.take_idle() {
            Some(environment) => environment,
            None => Environment::start(&self.program, &self.variables, &self.log).await?,
        };
        match environment.invoke(&function.arn, invocation).await {
            Ending::Answered(result) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(environment);
                result
            }
            Ending::Gone(result) => result,
        }
    }
}

impl Host for Binaries {
    fn run<'a>(
        &'a self,
        function: &'a Arc<Function>,
        invocation: Invocation,
    ) -> BoxFuture<'a, FunctionResult> {
        async move {
            match self.pools.get(&function.name) {
                Some(pool) => pool.run(function, invocation).await,
                None => Err(super::invocation::crashed(&invocation.request_id)),
            }
        }
        .boxed()
    }

    fn shut_down(&self) -> BoxFuture<'_, ()> {
        async move {
            let environments: Vec<Environment> = self
                .pools
                .values()
                .flat_map(|pool| {
                    std::mem::take(&mut *pool.idle.lock().unwrap_or_else(PoisonError::into_inner))
                })
                .collect();
            futures::future::join_all(environments.into_iter().map(Environment::end)).await;
        }
        .boxed()
    }
}
