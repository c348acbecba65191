//! Activities: what a workflow's steps call.

use std::{fmt::Display, sync::Arc};

use futures::future::BoxFuture;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use toss_kernel::{
    Secret, TenantScope,
    activity::{ActivitySpec, ErrorSpec},
    id::{ExecutionId, TenantId, WorkflowId},
};
use ulid::Ulid;

use crate::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, Grant, InvocationContext, Platform,
    Sizing, derived,
};

/// A type of activity, served by one Lambda.
pub trait Activity: Send + Sync + Sized + 'static {
    /// Its name in definitions and its `Handler` name in the template, such as `HttpRequest`.
    const TYPE: &'static str;
    /// What its function may touch.
    const GRANTS: &'static [Grant] = &[];
    /// Its function's memory and time.
    const SIZING: Sizing = Sizing::PATIENT;
    /// What a step passes in `with`. Unknown members are refused.
    type Parameters: DeserializeOwned + JsonSchema + Send;
    /// What the step's variable is bound to.
    type Output: Serialize + JsonSchema;
    /// The errors it raises.
    type Error: ActivityError;

    /// Its entry in the catalogue. Schemas and errors are added from the types by [`spec`].
    fn describe() -> ActivitySpec;

    /// Builds it.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a setting is missing.
    fn build(platform: &Platform) -> Result<Self, ConfigurationError>;

    /// Does the work of one step.
    fn run(
        &self,
        call: ActivityCall,
        parameters: Self::Parameters,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// The errors of an activity: an enumeration whose every variant has a name that workflows catch.
pub trait ActivityError: Display + Send {
    /// All of them, for the catalogue and for the checks of definitions.
    fn all() -> Vec<ErrorSpec>;

    /// The short name of this one, as in [`ActivityError::all`].
    fn name(&self) -> &'static str;
}

/// An activity that raises no error of its own.
#[derive(Debug, Clone, Copy)]
pub enum NoError {}

impl Display for NoError {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl ActivityError for NoError {
    fn all() -> Vec<ErrorSpec> {
        Vec::new()
    }

    fn name(&self) -> &'static str {
        match *self {}
    }
}

/// Which step of which execution calls, as the compiler wrote it into the state machine. An author can
/// neither set nor read it, and only the state machines' role may invoke activities, so the tenant in it
/// is as good as a verified credential.
#[derive(Debug, Clone)]
pub struct ActivityCall {
    /// The tenant's scope.
    pub scope: TenantScope,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The workflow's version.
    pub version: u32,
    /// The execution.
    pub execution: ExecutionId,
    /// The step.
    pub step: String,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// When the state was entered, RFC 3339; it tells passes of a loop apart.
    pub entered: String,
    /// Resumes the step; only for activities that wait.
    pub task_token: Option<Secret<String>>,
    /// The invocation's id.
    pub request_id: String,
    /// When the invocation began.
    pub received: Timestamp,
    /// When the invocation will be cut off.
    pub deadline: Timestamp,
}

impl ActivityCall {
    /// The key under which this step is done once: the same for all attempts of one entry of the state.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}/{}", self.execution, self.step, self.entered)
    }

    /// When the state was entered; when this invocation began, if that is not told as a time.
    #[must_use]
    pub fn entered_at(&self) -> Timestamp {
        self.entered.parse().unwrap_or(self.received)
    }

    /// The ULID of what this step makes once for `purpose`, the same for all attempts of one entry of the state.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Ulid {
        // A time of the invocation would differ between attempts.
        let time = self.entered.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        derived::ulid(time, &[&self.idempotency_key(), purpose])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    context: Context,
    parameters: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    tenant: TenantId,
    workflow: String,
    workflow_id: WorkflowId,
    version: u32,
    execution: ExecutionId,
    step: String,
    attempt: u32,
    entered: String,
    task_token: Option<Secret<String>>,
}

impl Context {
    #[expect(clippy::disallowed_methods, reason = "only the state machines' role may invoke an activity")]
    fn call(self, invocation: &InvocationContext) -> ActivityCall {
        ActivityCall {
            scope: TenantScope::from_verified(self.tenant),
            workflow: self.workflow,
            workflow_id: self.workflow_id,
            version: self.version,
            execution: self.execution,
            step: self.step,
            attempt: self.attempt,
            entered: self.entered,
            task_token: self.task_token,
            request_id: invocation.request_id.clone(),
            received: invocation.received,
            deadline: invocation.deadline,
        }
    }
}

/// The catalogue entry of `A`, with what its types say.
#[must_use]
pub fn spec<A: Activity>() -> ActivitySpec {
    // Inlined: the schemas become parts of larger documents, where a reference would point elsewhere.
    let settings =
        schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let generator = settings.into_generator();
    let schema = |schema: schemars::Schema| {
        let mut schema = schema.to_value();
        if let Some(members) = schema.as_object_mut() {
            members.remove("$schema");
            members.remove("title");
        }
        schema
    };
    let mut errors = A::Error::all();
    errors.push(ErrorSpec {
        name: "InvalidParameters".into(),
        class: toss_kernel::activity::RetryClass::Permanent,
        description: "The parameters that the step evaluated to do not fit the activity's schema.".into(),
    });
    ActivitySpec {
        activity_type: A::TYPE.to_owned(),
        parameters: schema(generator.clone().into_root_schema_for::<A::Parameters>()),
        result: schema(generator.into_root_schema_for::<A::Output>()),
        errors,
        ..A::describe()
    }
}

/// The function that serves `A`.
#[must_use]
pub fn definition<A: Activity>() -> FunctionDefinition {
    FunctionDefinition::new(A::TYPE, |platform| Ok(Arc::new(ActivityFunction(A::build(platform)?))))
        .grants(A::GRANTS)
        .sizing(A::SIZING)
}

/// An activity in its group's list: its function and its catalogue entry come from the same type.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    definition: fn() -> FunctionDefinition,
    spec: fn() -> ActivitySpec,
}

impl Entry {
    /// The entry of `A`.
    #[must_use]
    pub const fn of<A: Activity>() -> Self {
        Self { definition: definition::<A>, spec: spec::<A> }
    }

    /// The function that serves it.
    #[must_use]
    pub fn definition(&self) -> FunctionDefinition {
        (self.definition)()
    }

    /// Its catalogue entry.
    #[must_use]
    pub fn spec(&self) -> ActivitySpec {
        (self.spec)()
    }
}

struct ActivityFunction<A>(A);

impl<A: Activity> Function for ActivityFunction<A> {
    fn invoke<'a>(
        &'a self,
        event: Value,
        context: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(async move {
            let error =
                |name: &str, message: String| FunctionError::new(format!("{}.{name}", A::TYPE), message);
            let payload: Payload = serde_json::from_value(event).map_err(|cause| {
                error("InvalidCall", format!("Not a call of a compiled workflow: {cause}"))
            })?;
            let call = payload.context.call(context);
            tracing::info!(
                tenant = %call.scope.tenant(), execution = %call.execution, step = call.step, attempt = call.attempt,
                "activity called"
            );
            let parameters = serde_json::from_value(payload.parameters).map_err(|cause| {
                error(
                    "InvalidParameters",
                    format!("The parameters of step '{}' do not fit: {cause}", call.step),
                )
            })?;
            let output =
                self.0.run(call, parameters).await.map_err(|cause| error(cause.name(), cause.to_string()))?;
            serde_json::to_value(output).map_err(|cause| error("InvalidOutput", cause.to_string()))
        })
    }
}
