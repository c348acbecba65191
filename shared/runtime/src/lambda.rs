//! The one `main` of all Lambda binaries.

use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use toss_kernel::{Clock as _, SystemClock};

use crate::{Environment, FunctionDefinition, InvocationContext, Platform, telemetry};

/// Why a Lambda process ends.
pub type Error = lambda_runtime::Error;

/// Serves the function that `_HANDLER` names, until Lambda ends the process.
///
/// # Errors
/// When the function cannot be built, or the Runtime API does not answer.
pub async fn run(definitions: &[FunctionDefinition]) -> Result<(), Error> {
    let environment = Environment::from_process();
    telemetry::install(environment.get("AWS_LAMBDA_LOG_LEVEL"));
    let handler = environment.required("_HANDLER")?.to_owned();
    let definition = FunctionDefinition::find(definitions, &handler)?;
    let platform = Platform::from_environment(environment)?;
    let function = definition.start(&platform)?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = Arc::clone(&function);
        async move {
            let context = invocation(&event.context);
            function.invoke(event.payload, &context).await.map_err(|error| Diagnostic {
                error_type: error.error_type,
                error_message: error.error_message,
            })
        }
    }))
    .await
}

fn invocation(context: &lambda_runtime::Context) -> InvocationContext {
    let deadline = i64::try_from(context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    InvocationContext {
        request_id: context.request_id.clone(),
        received: SystemClock.now(),
        deadline: deadline.unwrap_or(Timestamp::MAX),
        trace_id: context.xray_trace_id.clone(),
    }
}
