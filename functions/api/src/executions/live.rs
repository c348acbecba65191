//! Executions as Step Functions has them.

use aws_sdk_sfn::{
    Client,
    error::ProvideErrorMetadata as _,
    operation::describe_execution::DescribeExecutionOutput,
    types::{self, HistoryEvent},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;
use toss_runtime::{Platform, api::Problem, function::sentence};
use toss_store::executions::{Execution, ExecutionStatus};

use crate::{listing::Limit, machines::failed};

/// The most pages of a history that are read for the steps of an execution; a page has up to 1,000 events.
const MOST_PAGES: usize = 10;

/// Reads and steers executions.
pub(super) struct Live {
    client: Client,
}

/// Where an execution stands at this moment.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) status: ExecutionStatus,
    pub(super) output: Option<Value>,
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) redrives: u32,
}

fn arn(execution: &Execution) -> String {
    format!("{}:{}", execution.state_machine.replacen(":stateMachine:", ":execution:", 1), execution.id)
}

/// A time of the SDK.
pub(super) fn time(time: &aws_sdk_sfn::primitives::DateTime) -> Timestamp {
    time.to_millis().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl From<DescribeExecutionOutput> for State {
    fn from(answer: DescribeExecutionOutput) -> Self {
        let status = match answer.status {
            types::ExecutionStatus::Succeeded => ExecutionStatus::Succeeded,
            types::ExecutionStatus::Failed => ExecutionStatus::Failed,
            types::ExecutionStatus::TimedOut => ExecutionStatus::TimedOut,
            types::ExecutionStatus::Aborted => ExecutionStatus::Cancelled,
            _ => ExecutionStatus::Running,
        };
        Self {
            status,
            output: answer.output.and_then(|text| serde_json::from_str(&text).ok()),
            error: answer.error,
            cause: answer.cause.map(sentence),
            ended_at: answer.stop_date.as_ref().map(time),
            redrives: answer.redrive_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        }
    }
}

impl Live {
    pub(super) fn new(platform: &Platform) -> Self {
        Self { client: platform.sdk.sfn().clone() }
    }

    /// The state of an execution that is not known to have ended; the store tells of all others.
    pub(super) async fn state(&self, execution: &Execution) -> Result<Option<State>, Problem> {
        if execution.status.has_ended() {
            return Ok(None);
        }
        self.state_now(execution).await.map(Some)
    }

    /// The state of any execution.
    pub(super) async fn state_now(&self, execution: &Execution) -> Result<State, Problem> {
        let answer = self.client.describe_execution().execution_arn(arn(execution)).send().await;
        match answer {
            Ok(answer) => Ok(answer.into()),
            // Step Functions forgets an execution 90 days after it ended; what is stored stays.
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => Ok(State {
                status: execution.status,
                output: None,
                error: execution.error.clone(),
                cause: execution.cause.clone(),
                ended_at: execution.ended_at,
                redrives: execution.redrives,
            }),
            Err(error) => Err(failed("describe an execution", error)),
        }
    }

    /// The events of an execution, without what they carry unless one tells of an error: its name is left out
    /// with the data.
    pub(super) async fn outline(&self, execution: &Execution) -> Result<Vec<HistoryEvent>, Problem> {
        let events = self.events(execution, false).await?;
        let failed = |event: &HistoryEvent| {
            let kind = event.r#type.as_str();
            kind.ends_with("Failed") || kind == "TaskTimedOut"
        };
        if events.iter().any(failed) { self.events(execution, true).await } else { Ok(events) }
    }

    async fn events(&self, execution: &Execution, whole: bool) -> Result<Vec<HistoryEvent>, Problem> {
        let (mut events, mut token) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let call = self.client.get_execution_history().execution_arn(arn(execution)).max_results(1000);
            let answer = call.include_execution_data(whole).set_next_token(token).send().await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("ExecutionDoesNotExist") => break,
                Err(error) => return Err(failed("read an execution's history", error)),
            };
            events.extend(answer.events);
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(events)
    }

    /// A page of an execution's history, and the cursor of the next.
    pub(super) async fn page(
        &self,
        execution: &Execution,
        limit: Limit,
        cursor: Option<&str>,
    ) -> Result<(Vec<HistoryEvent>, Option<String>), Problem> {
        let refusal = || {
            Problem::bad_request(
                "bad-cursor",
                "The cursor is not one that this list gave; start again without it.",
            )
        };
        let token = cursor
            .map(|cursor| {
                let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refusal())?;
                String::from_utf8(bytes)
                    .ok()
                    .filter(|token| (1..=1024).contains(&token.len()))
                    .ok_or_else(refusal)
            })
            .transpose()?;
        let answer = self
            .client
            .get_execution_history()
            .execution_arn(arn(execution))
            .max_results(i32::try_from(limit.get()).unwrap_or(100))
            .set_next_token(token)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok((answer.events, answer.next_token.map(|token| URL_SAFE_NO_PAD.encode(token)))),
            Err(error) => match error.code() {
                Some("InvalidToken" | "ValidationException") if cursor.is_some() => Err(refusal()),
                Some("ExecutionDoesNotExist") => Ok((Vec::new(), None)),
                _ => Err(failed("read an execution's history", error)),
            },
        }
    }

    /// Stops an execution.
    pub(super) async fn stop(&self, execution: &Execution, cause: &str) -> Result<(), Problem> {
        let call = self.client.stop_execution().execution_arn(arn(execution)).error("Cancelled").cause(cause);
        call.send().await.map(drop).map_err(|error| failed("stop an execution", error))
    }

    /// Takes an execution up again. Asked twice before it has run on, it is taken up once.
    pub(super) async fn redrive(&self, execution: &Execution, redrives: u32) -> Result<(), Problem> {
        let call = self.client.redrive_execution().execution_arn(arn(execution));
        let answer = call.client_token(format!("{}-{redrives}", execution.id)).send().await;
        answer.map(drop).map_err(|error| match error.code() {
            Some("ExecutionNotRedrivable" | "ExecutionDoesNotExist" | "ExecutionLimitExceeded") => {
                Problem::conflict(
                    "execution-not-redrivable",
                    "The execution cannot be taken up any more; start another one.",
                )
            }
            _ => failed("redrive an execution", error),
        })
    }
}
