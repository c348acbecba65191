//! The state machines of workflows.

use aws_sdk_sfn::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{LogLevel, LoggingConfiguration, StateMachineType},
};
use toss_kernel::id::WorkflowId;
use toss_runtime::{ConfigurationError, Platform, api::Problem};

/// Creates and deletes state machines.
#[derive(Clone)]
pub(crate) struct Machines {
    client: Client,
    role: String,
    prefix: String,
}

/// Step Functions refused, or did not answer.
#[derive(Debug, thiserror::Error)]
#[error("Step Functions did not {operation}: {cause}")]
pub(crate) struct MachineError {
    operation: &'static str,
    cause: String,
}

/// A failed call as a problem: throttling passes, all else is ours to look into.
pub(crate) fn failed<E, R>(operation: &'static str, error: SdkError<E, R>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let passes = matches!(error.code(), Some("ThrottlingException" | "TooManyRequestsException"))
        || matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_));
    let limit = matches!(error.code(), Some("StateMachineLimitExceeded" | "ExecutionLimitExceeded"));
    let error = MachineError { operation, cause: DisplayErrorContext(error).to_string() };
    if passes || limit {
        tracing::warn!(%error, "Step Functions has no room");
        return Problem::unavailable("Workflows cannot be reached at the moment; try again.");
    }
    Problem::internal(&error)
}

impl Machines {
    /// The state machines of a deployment.
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            client: platform.sdk.sfn().clone(),
            role: platform.environment.required("TOSS_STATE_MACHINE_ROLE_ARN")?.to_owned(),
            prefix: platform.environment.required("TOSS_FUNCTION_PREFIX")?.to_owned(),
        })
    }

    /// What stands before an activity's type in its function's name.
    pub(crate) fn function_prefix(&self) -> &str {
        &self.prefix
    }

    /// Creates the state machine of a version, or finds it as it was created; answers its ARN.
    ///
    /// All are standard ones: an express execution tells nobody how it ended, so that neither its status nor
    /// its webhooks could be true. What a definition that prefers express asks of a standard one is less, not more.
    pub(crate) async fn create(
        &self,
        workflow: WorkflowId,
        version: u32,
        definition: &str,
    ) -> Result<String, Problem> {
        let logging = LoggingConfiguration::builder().level(LogLevel::Off).build();
        let answer = self
            .client
            .create_state_machine()
            .name(format!("{workflow}-{version}"))
            .definition(definition)
            .role_arn(&self.role)
            .r#type(StateMachineType::Standard)
            .logging_configuration(logging)
            .send()
            .await
            .map_err(|error| failed("create a state machine", error))?;
        Ok(answer.state_machine_arn)
    }

    /// The definition of a state machine.
    pub(crate) async fn definition(&self, arn: &str) -> Result<String, Problem> {
        let answer = self.client.describe_state_machine().state_machine_arn(arn).send().await;
        answer.map(|answer| answer.definition).map_err(|error| failed("describe a state machine", error))
    }

    /// Deletes a state machine; what runs goes on to its end.
    pub(crate) async fn delete(&self, arn: &str) -> Result<(), Problem> {
        let answer = self.client.delete_state_machine().state_machine_arn(arn).send().await;
        answer.map(drop).map_err(|error| failed("delete a state machine", error))
    }
}
