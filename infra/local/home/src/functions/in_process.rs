//! Functions as objects in this process, each with settings, credentials and SDK clients of its own.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use aws_credential_types::Credentials as SdkCredentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use toss_kernel::{RandomIds, SystemClock};
use toss_runtime::sdk::Settings;
use toss_runtime::{
    Environment, Function as FunctionObject, FunctionDefinition, FunctionError, InvocationContext,
};
use toss_runtime::{Platform, Sdk};

use super::invocation::{crashed, timed_out, too_large};
use super::{FunctionResult, Host, Identity, Invocation, PAYLOAD_LIMIT};
use crate::services::InProcess;
use crate::template::model::Function;

/// The functions of each binary: what `functions()` of a trust group's crate answers, by the binary's name.
pub type Registries = BTreeMap<String, Vec<FunctionDefinition>>;

/// Hosts functions as objects in this process.
pub(crate) struct InProcessHost {
    objects: BTreeMap<String, Arc<dyn FunctionObject>>,
}

impl InProcessHost {
    /// Builds every function of a template. What is missing is told for all of them at once.
    pub(crate) fn build<'f>(
        functions: impl IntoIterator<Item = (&'f Function, &'f Identity)>,
        registries: &Registries,
        client: &InProcess,
    ) -> Result<Self, Vec<String>> {
        let mut objects = BTreeMap::new();
        let mut problems = Vec::new();
        for (function, identity) in functions {
            match object(function, identity, registries, client) {
                Ok(object) => {
                    objects.insert(function.name.clone(), object);
                }
                Err(reason) => problems.push(format!("{}: {reason}", function.name)),
            }
        }
        if problems.is_empty() { Ok(Self { objects }) } else { Err(problems) }
    }
}

fn object(
    function: &Function,
    identity: &Identity,
    registries: &Registries,
    client: &InProcess,
) -> Result<Arc<dyn FunctionObject>, String> {
    let known = || registries.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let definitions = registries
        .get(&function.binary)
        .ok_or_else(|| format!("no binary is called '{}'; there are {}", function.binary, known()))?;
    let definition =
        FunctionDefinition::find(definitions, &function.handler).map_err(|error| error.to_string())?;
    let key = &identity.key;
    let credentials = SdkCredentials::new(
        key.access_key_id.clone(),
        key.secret_access_key.clone(),
        Some("local".into()),
        None,
        "TossLocal",
    );
    let platform = Platform {
        environment: identity.variables(function).into_iter().collect::<Environment>(),
        sdk: Sdk::new(Settings {
            region: identity.region.clone(),
            credentials,
            endpoint: None,
            http_client: SharedHttpClient::new(client.clone()),
        }),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        metrics: Arc::new(|line| tracing::trace!(target: "toss_local::metrics", %line)),
    };
    definition.start(&platform).map_err(|error| error.to_string())
}

impl Host for InProcessHost {
    fn run<'a>(
        &'a self,
        function: &'a Arc<Function>,
        invocation: Invocation,
    ) -> BoxFuture<'a, FunctionResult> {
        async move {
            let Some(object) = self.objects.get(&function.name) else {
                return Err(crashed(&invocation.request_id));
            };
            let event = serde_json::from_slice(&invocation.payload).map_err(|error| {
                FunctionError::new("Runtime.UnmarshalError", format!("the event is not JSON: {error}"))
            })?;
            let context = InvocationContext {
                request_id: invocation.request_id.clone(),
                received: invocation.received,
                deadline: invocation.deadline(),
                trace_id: Some(invocation.trace_id()),
            };
            let run = AssertUnwindSafe(object.invoke(event, &context)).catch_unwind();
            match tokio::time::timeout(invocation.timeout, run).await {
                Err(_) => Err(timed_out(&invocation.request_id, invocation.timeout)),
                Ok(Err(_)) => Err(crashed(&invocation.request_id)),
                Ok(Ok(result)) => {
                    let text = result?.to_string();
                    if text.len() > PAYLOAD_LIMIT { Err(too_large()) } else { Ok(text.into()) }
                }
            }
        }
        .boxed()
    }

    fn shut_down(&self) -> BoxFuture<'_, ()> {
        futures::future::ready(()).boxed()
    }
}
