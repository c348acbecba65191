//! A home at work, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use toss_local_protocol::Caller;

use super::building::{Services, Stores};
use super::lock::Lock;
use super::{HomeError, Options, upkeep};
use crate::functions::Functions;
use crate::gateway::{self, Gateway, Routes};
use crate::listen::AwsPort;
use crate::sources::{QueuePoller, StreamPoller, Timers};
use crate::template::model::Model;

/// How long what runs may take to finish.
const GRACE: Duration = Duration::from_secs(15);

/// Everything that a home serves with.
pub(super) struct Served {
    pub(super) options: Options,
    pub(super) model: Model,
    pub(super) stores: Stores,
    pub(super) services: Services,
    pub(super) functions: Arc<Functions>,
    pub(super) api: TcpListener,
    pub(super) aws: TcpListener,
    pub(super) lock: Lock,
}

/// A home at work.
pub(super) struct Running {
    /// What brings work in: it ends first.
    sources: JoinSet<()>,
    sources_close: watch::Sender<bool>,
    /// What work needs: it ends when the work has.
    services: JoinSet<()>,
    services_close: watch::Sender<bool>,
    parts: Services,
    functions: Arc<Functions>,
    stores: ClosedLast,
    _lock: Lock,
}

/// What is written down once more at the end.
struct ClosedLast {
    queues: toss_local_queues::Queues,
    deferred_queues: toss_local_queues::Queues,
}

impl Running {
    /// Starts serving.
    pub(super) fn start(served: Served) -> Self {
        let Served { options, mut model, stores, services, functions, api, aws, lock } = served;
        let (sources_close, closing) = watch::channel(false);
        let (services_close, services_closing) = watch::channel(false);
        let mut needs = JoinSet::new();
        let port = AwsPort::new(Arc::clone(&services.router), Arc::clone(&services.credentials));
        needs.spawn(port.serve(aws, services_closing.clone()));

        let mut sources = JoinSet::new();
        let local_port = api.local_addr().map_or(0, |address| address.port());
        let gateway = Gateway::new(
            Routes::new(&model.routes),
            Arc::clone(&functions),
            model.stage.clone(),
            std::mem::take(&mut model.binary_media_types),
            Arc::clone(&options.clock),
            local_port,
        );
        sources.spawn(gateway::serve(api, Arc::new(gateway), closing.clone()));
        for source in std::mem::take(&mut model.queue_sources) {
            // That the queue is there was checked when the template was read.
            if let Some(queue) = model.queues.values().find(|queue| queue.arn == source.queue_arn) {
                let (queues, functions) = (stores.queues.clone(), Arc::clone(&functions));
                let poller = QueuePoller::new(source, queue, queues, functions, &options.region);
                sources.spawn(poller.run(closing.clone()));
            }
        }
        let mut progress = Vec::new();
        for source in std::mem::take(&mut model.stream_sources) {
            let (tables, functions) = (stores.tables.clone(), Arc::clone(&functions));
            let poller = StreamPoller::new(source, tables, functions, &options.data);
            progress.push(poller.progress());
            sources.spawn(poller.run(closing.clone()));
        }
        sources.spawn(stores.deferred.clone().run(Arc::clone(&functions), closing.clone()));
        let timers = Timers::new(
            std::mem::take(&mut model.schedules),
            stores.deferred,
            Arc::clone(&options.clock),
            &options.region,
            &options.data.join("timers.json"),
        );
        sources.spawn(timers.run(closing));
        needs.spawn(upkeep::run(stores.tables, stores.upkeep, progress, services_closing));
        Self {
            sources,
            sources_close,
            services: needs,
            services_close,
            parts: services,
            functions,
            stores: ClosedLast { queues: stores.queues, deferred_queues: stores.deferred_queues },
            _lock: lock,
        }
    }

    /// Ends in order: what brings work in, the work, what the work needs.
    pub(super) async fn shut_down(mut self) {
        self.sources_close.send_replace(true);
        finish(&mut self.sources).await;
        // An engine that never had a state machine has written nothing that it could put in order.
        if has_machines(&self.parts).await {
            in_time("the engine", self.parts.engine.drain()).await;
        }
        self.parts.adapter.disconnect();
        in_time("the functions", self.functions.shut_down()).await;
        self.services_close.send_replace(true);
        finish(&mut self.services).await;
        let ClosedLast { queues, deferred_queues } = self.stores;
        let compacted = tokio::task::spawn_blocking(move || {
            for queues in [queues, deferred_queues] {
                if let Err(error) = queues.compact() {
                    tracing::warn!(%error, "queues could not be compacted; the next start reads more");
                }
            }
        });
        let _ = compacted.await;
    }
}

async fn has_machines(parts: &Services) -> bool {
    let listed =
        parts.router.call(&Caller::Owner, "AWSStepFunctions", "ListStateMachines", "{}".into()).await;
    let listed: serde_json::Value =
        listed.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    listed["stateMachines"].as_array().is_none_or(|machines| !machines.is_empty())
}

/// Waits for an ending, but not for ever: what it would have put in order, the next start does.
async fn in_time<T>(what: &str, ending: impl Future<Output = T>) {
    if tokio::time::timeout(GRACE, ending).await.is_err() {
        tracing::warn!("{what} did not end in time; it is taken up at the next start");
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("some work did not finish in time; it is taken up at the next start");
        tasks.shutdown().await;
    }
}

/// Waits until the API is healthy.
pub(super) async fn ready(api: SocketAddr) -> Result<(), HomeError> {
    let healthy = async {
        while !is_healthy(api).await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), healthy).await.map_err(|_| HomeError::NotReady)
}

async fn is_healthy(api: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(api).await?;
    stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line).await?;
    Ok(&status_line == b"HTTP/1.1 200")
}
