//! The Step Functions protocol.

mod activities;
mod aliases;
mod definitions;
mod errors;
mod executions;
mod history;
mod input;
mod machines;
mod map_runs;
mod pages;
mod starts;
mod tags;
mod tokens;
mod versions;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;
use toss_local_protocol::{Caller, JsonService, ServiceError};

use crate::{Engine, core::Core};

use self::input::Input;

pub(crate) use executions::ended;
pub(crate) use starts::{already_exists, launch};

/// What an operation answers.
type Answer = Result<Value, ServiceError>;

impl JsonService for Engine {
    fn target_prefix(&self) -> &'static str {
        "AWSStepFunctions"
    }

    fn content_type(&self) -> &'static str {
        "application/x-amz-json-1.0"
    }

    fn call<'a>(
        &'a self,
        _caller: &'a Caller,
        operation: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, ServiceError>> {
        Box::pin(async move {
            let input = Input::parse(&body)?;
            let answer = dispatch(&self.core, operation, &input).await?;
            Ok(Bytes::from(answer.to_string()))
        })
    }
}

async fn dispatch(core: &Arc<Core>, operation: &str, input: &Input) -> Answer {
    match operation {
        "CreateStateMachine" => machines::create(core, input).await,
        "UpdateStateMachine" => machines::update(core, input).await,
        "DeleteStateMachine" => machines::delete(core, input).await,
        "DescribeStateMachine" => machines::describe(core, input).await,
        "DescribeStateMachineForExecution" => machines::describe_for_execution(core, input).await,
        "ListStateMachines" => machines::list(core, input).await,
        "ValidateStateMachineDefinition" => definitions::validate(input),
        "TestState" => definitions::test_state(core, input).await,
        "PublishStateMachineVersion" => versions::publish(core, input).await,
        "DeleteStateMachineVersion" => versions::delete(core, input).await,
        "ListStateMachineVersions" => versions::list(core, input).await,
        "CreateStateMachineAlias" => aliases::create(core, input).await,
        "UpdateStateMachineAlias" => aliases::update(core, input).await,
        "DeleteStateMachineAlias" => aliases::delete(core, input).await,
        "DescribeStateMachineAlias" => aliases::describe(core, input).await,
        "ListStateMachineAliases" => aliases::list(core, input).await,
        "StartExecution" => starts::start(core, input).await,
        "StartSyncExecution" => starts::start_sync(core, input).await,
        "StopExecution" => executions::stop(core, input).await,
        "RedriveExecution" => executions::redrive(core, input).await,
        "DescribeExecution" => executions::describe(core, input).await,
        "ListExecutions" => executions::list(core, input).await,
        "GetExecutionHistory" => history::get(core, input).await,
        "SendTaskSuccess" => tokens::success(core, input).await,
        "SendTaskFailure" => tokens::failure(core, input).await,
        "SendTaskHeartbeat" => tokens::heartbeat(core, input).await,
        "CreateActivity" => activities::create(core, input).await,
        "DescribeActivity" => activities::describe(core, input).await,
        "DeleteActivity" => activities::delete(core, input).await,
        "ListActivities" => activities::list(core, input).await,
        "GetActivityTask" => activities::take(core, input).await,
        "DescribeMapRun" => map_runs::describe(core, input).await,
        "ListMapRuns" => map_runs::list(core, input).await,
        "UpdateMapRun" => map_runs::update(core, input).await,
        "TagResource" => tags::tag(core, input).await,
        "UntagResource" => tags::untag(core, input).await,
        "ListTagsForResource" => tags::list(core, input).await,
        other => Err(ServiceError::unknown_operation(other)),
    }
}

/// A moment as the protocol writes it: seconds since the epoch.
fn seconds(millis: i64) -> Value {
    Value::from(millis as f64 / 1000.0)
}
