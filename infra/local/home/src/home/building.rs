//! The start, from the bottom up: data directory, ports, keys, template, services, functions, sources.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use toss_kernel::Clock;
use toss_local_engine::{Engine, Options as EngineOptions};
use toss_local_keys::{KeySpec, KeyUsage, Keys, KeysOptions};
use toss_local_queues::{Queues, QueuesOptions};

use super::adapter::{Adapter, Parts};
use super::lock::Lock;
use super::operator::OperatorKey;
use super::running::{Running, Served};
use super::{Addresses, Home, HomeError, Options, upkeep};
use crate::functions::{Binaries, Functions, Host, Identity, InProcessHost};
use crate::iam::{Access, AccessReader, Authority, KeySchemas};
use crate::services::dynamodb::{Tables, Upkeep};
use crate::services::{Credentials, InProcess, Router};
use crate::sources::{Deferred, EventBus};
use crate::template::model::{Function, Model, Queue};
use crate::template::{self, ACCOUNT, KeyIds, Settings};

pub(super) async fn start(options: Options) -> Result<Home, HomeError> {
    let began = std::time::Instant::now();
    let lock = Lock::take(&options.data)?;
    let operator = OperatorKey::find(options.operator_key.as_deref(), &options.data)?;
    if !options.aws_listen.ip().is_loopback() {
        return Err(HomeError::NotLoopback { address: options.aws_listen });
    }
    let (api, api_address) = listen(options.listen).await?;
    let (aws, aws_address) = listen(options.aws_listen).await?;
    let addresses = Addresses { api: api_address, aws: aws_address };
    let endpoint = format!("http://{aws_address}");

    let keys = Keys::open(KeysOptions {
        directory: options.data.join("keys"),
        region: options.region.clone(),
        account: ACCOUNT.into(),
        clock: Arc::clone(&options.clock),
    })?;
    let model = template::load(
        &options.template,
        &Settings {
            keys: &TemplateKeys(&keys),
            region: options.region.clone(),
            queue_endpoint: endpoint.clone(),
            parameters: parameters(&options, &operator),
        },
    )?;
    for key in model.keys.values() {
        for alias in &key.aliases {
            keys.ensure_alias(alias, &key.id)?;
        }
    }
    tracing::debug!(elapsed = ?began.elapsed(), "the template is read");

    let stores = open_stores(&options, &model, &endpoint).await?;
    tracing::debug!(elapsed = ?began.elapsed(), "the stores are open");
    let services = build_services(&options, &model, keys, &stores, operator.key.as_bytes()).await?;
    let functions = build_functions(&options, &services, &endpoint)?;
    services
        .adapter
        .connect(Parts { functions: Arc::clone(&functions), router: Arc::clone(&services.router) });
    tracing::info!(elapsed = ?began.elapsed(), "the home is built");

    let left_out = model.left_out.iter().cloned().collect();
    let served = Served { options, model, stores, services, functions, api, aws, lock };
    Ok(Home {
        running: Running::start(served),
        addresses,
        operator_key: operator.key,
        operator_key_is_new: operator.new,
        left_out,
    })
}

/// What holds data.
pub(super) struct Stores {
    pub(super) tables: Tables,
    pub(super) upkeep: Upkeep,
    pub(super) queues: Queues,
    /// The queue of asynchronous invocations, apart from the template's.
    pub(super) deferred_queues: Queues,
    pub(super) deferred: Deferred,
}

/// What calls go through.
pub(super) struct Services {
    pub(super) adapter: Arc<Adapter>,
    pub(super) engine: Engine,
    pub(super) router: Arc<Router>,
    pub(super) credentials: Arc<Credentials>,
    identities: Vec<(Arc<Function>, Identity)>,
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HomeError> {
    let failed = |source| HomeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn parameters(options: &Options, operator: &OperatorKey) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        ("Environment".to_owned(), "local".to_owned()),
        ("OperatorKeySha256".to_owned(), operator.sha256()),
        ("OutboundAllow".to_owned(), options.outbound_allow.join(",")),
    ]);
    parameters.extend(options.parameters.clone());
    parameters
}

/// Keys get their ids where they are kept.
struct TemplateKeys<'k>(&'k Keys);

impl KeyIds for TemplateKeys<'_> {
    fn key_id(&self, logical: &str, spec: &str, usage: &str) -> Result<String, String> {
        let parsed = |text: &str| serde_json::Value::from(text);
        let spec: KeySpec = serde_json::from_value(parsed(spec))
            .map_err(|_| format!("keys of the kind {spec} are not there on one machine"))?;
        let usage: KeyUsage = serde_json::from_value(parsed(usage))
            .map_err(|_| format!("keys for {usage} are not there on one machine"))?;
        self.0.ensure_key(logical, spec, usage).map_err(|error| error.to_string())
    }
}

/// Opens tables and queues side by side, since each waits for the disk.
async fn open_stores(options: &Options, model: &Model, endpoint: &str) -> Result<Stores, HomeError> {
    let file = options.data.join("tables.db");
    let wanted: Vec<_> = model.tables.values().cloned().collect();
    let region = options.region.clone();
    let tables = tokio::task::spawn_blocking(move || -> Result<_, HomeError> {
        let tables = Tables::open(&file, &region, &wanted)?;
        Ok((tables, upkeep::prepare(&file)?))
    });
    let queues = open_queues(options, "queues", endpoint).await?;
    for queue in in_order(&model.queues) {
        queues
            .ensure_queue(&queue.name, queue.attributes.clone())
            .await
            .map_err(|error| HomeError::Queue { queue: queue.name.clone(), error })?;
    }
    let deferred_queues = open_queues(options, "invocations", endpoint).await?;
    let deferred = Deferred::open(deferred_queues.clone())
        .await
        .map_err(|error| HomeError::Queue { queue: "invocations".into(), error })?;
    let (tables, upkeep) = tables.await.map_err(|_| HomeError::Interrupted)??;
    Ok(Stores { tables, upkeep, queues, deferred_queues, deferred })
}

async fn open_queues(options: &Options, folder: &str, endpoint: &str) -> Result<Queues, HomeError> {
    let options = QueuesOptions {
        directory: options.data.join(folder),
        region: options.region.clone(),
        account: ACCOUNT.into(),
        base_url: endpoint.to_owned(),
        clock: Arc::clone(&options.clock),
        journal: toss_local_journal::Options::default(),
    };
    let opened = tokio::task::spawn_blocking(move || Queues::open(options)).await;
    Ok(opened.map_err(|_| HomeError::Interrupted)??)
}

/// Dead-letter queues before the queues that name them.
fn in_order(queues: &BTreeMap<String, Queue>) -> Vec<&Queue> {
    let (mut with, without): (Vec<&Queue>, Vec<&Queue>) =
        queues.values().partition(|queue| queue.attributes.contains_key("RedrivePolicy"));
    let mut ordered = without;
    // A chain of them is as long as it is, a circle is refused by the queues.
    while !with.is_empty() {
        let is_named = |name: &str, others: &[&Queue]| others.iter().any(|other| other.name == name);
        let target = |queue: &Queue| {
            let policy =
                queue.attributes.get("RedrivePolicy").and_then(|text| serde_json::from_str(text).ok());
            let policy: serde_json::Value = policy.unwrap_or_default();
            policy["deadLetterTargetArn"]
                .as_str()
                .and_then(|arn| arn.rsplit(':').next())
                .map(ToOwned::to_owned)
        };
        let free = with.iter().position(|queue| !target(queue).is_some_and(|name| is_named(&name, &with)));
        ordered.push(with.remove(free.unwrap_or(0)));
    }
    ordered
}

async fn build_services(
    options: &Options,
    model: &Model,
    keys: Keys,
    stores: &Stores,
    seed: &[u8],
) -> Result<Services, HomeError> {
    let authority = Arc::new(Authority::new(model.roles.values()));
    let states = |trusted: &String| trusted == "states.amazonaws.com";
    let trusted: BTreeSet<String> = model
        .roles
        .values()
        .filter(|role| role.trusted.iter().any(states))
        .map(|role| role.arn.clone())
        .collect();
    let clock: Arc<dyn Clock> = Arc::clone(&options.clock);
    let events = EventBus::new(model.rules.clone(), stores.deferred.clone(), &options.region, clock);
    let adapter =
        Arc::new(Adapter::new(Arc::clone(&authority), trusted, stores.deferred.clone(), events.clone()));
    let engine = open_engine(options, &adapter).await?;

    let mut router = Router::new(authority);
    let schemas = KeySchemas::new(model.tables.values().map(|table| &table.create));
    let reader = Arc::new(AccessReader::new(options.region.clone(), schemas));
    let mut register = |prefix: &'static str, service: Arc<dyn toss_local_protocol::JsonService>| {
        let reader = Arc::clone(&reader);
        router.register(
            prefix,
            service,
            Arc::new(move |operation, body| reader.read(prefix, operation, body)),
        );
    };
    register("DynamoDB_20120810", Arc::new(stores.tables.clone()));
    register("DynamoDBStreams_20120810", Arc::new(stores.tables.clone()));
    register("AWSStepFunctions", Arc::new(engine.clone()));
    register("AWSEvents", Arc::new(events));
    let queues = stores.queues.clone();
    router.register(
        "AmazonSQS",
        Arc::new(stores.queues.clone()),
        Arc::new(move |operation, body| {
            let needed = queues.permissions(operation, body);
            Ok(needed.into_iter().map(|needed| Access::new(needed.action, needed.resource)).collect())
        }),
    );
    let own = keys.clone();
    router.register(
        "TrentService",
        Arc::new(keys),
        Arc::new(move |operation, body| {
            let needed = own.permissions(operation, body);
            let contexts = kms_context(body);
            Ok(needed
                .into_iter()
                .map(|needed| {
                    let mut access = Access::new(needed.action, needed.resource);
                    for (key, values) in &contexts {
                        access.add_context(key, values.clone());
                    }
                    access
                })
                .collect())
        }),
    );

    let mut credentials = Credentials::default();
    let identities = model
        .functions
        .values()
        .map(|function| {
            let key = credentials.issue(seed, &function.name, &function.role);
            (Arc::new(function.clone()), Identity { key, region: options.region.clone() })
        })
        .collect();
    Ok(Services { adapter, engine, router: Arc::new(router), credentials: Arc::new(credentials), identities })
}

async fn open_engine(options: &Options, adapter: &Arc<Adapter>) -> Result<Engine, HomeError> {
    let mut set_up = EngineOptions::new(options.data.join("engine"), options.region.clone(), ACCOUNT);
    set_up.clock = Arc::clone(&options.clock);
    let (invoker, caller, listener) = (Arc::clone(adapter), Arc::clone(adapter), Arc::clone(adapter));
    let opened = tokio::task::spawn_blocking(move || Engine::open(set_up, invoker, caller, listener)).await;
    Ok(opened.map_err(|_| HomeError::Interrupted)??)
}

/// The condition keys of a call of KMS.
fn kms_context(body: &[u8]) -> Vec<(String, Vec<String>)> {
    let input: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let mut keys = Vec::new();
    if let Some(context) = input.get("EncryptionContext").and_then(|context| context.as_object()) {
        keys.push(("kms:EncryptionContextKeys".to_owned(), context.keys().cloned().collect()));
        for (name, value) in context {
            let value = value.as_str().unwrap_or_default().to_owned();
            keys.push((format!("kms:EncryptionContext:{name}"), vec![value]));
        }
    }
    for (member, key) in [
        ("EncryptionAlgorithm", "kms:EncryptionAlgorithm"),
        ("SigningAlgorithm", "kms:SigningAlgorithm"),
        ("MessageType", "kms:MessageType"),
    ] {
        if let Some(value) = input.get(member).and_then(|value| value.as_str()) {
            keys.push((key.to_owned(), vec![value.to_owned()]));
        }
    }
    keys
}

fn build_functions(
    options: &Options,
    services: &Services,
    endpoint: &str,
) -> Result<Arc<Functions>, HomeError> {
    let known = services.identities.iter().map(|(function, identity)| (function.as_ref(), identity));
    let refused = |problems| HomeError::Functions { problems };
    let host: Arc<dyn Host> = match &options.lambda_binaries {
        Some(folder) => {
            let logs: &Path = &options.data.join("logs");
            Arc::new(Binaries::find(folder, known, endpoint, logs).map_err(refused)?)
        }
        None => {
            let client = InProcess::new(Arc::clone(&services.router), Arc::clone(&services.credentials));
            Arc::new(InProcessHost::build(known, &options.registries, &client).map_err(refused)?)
        }
    };
    let functions = services.identities.iter().map(|(function, _)| Arc::clone(function));
    Ok(Arc::new(Functions::new(functions, host)))
}
