//! `TestState`: one state by itself, with mocks.

mod mock;
mod request;

use crate::execution::{Need, Trial, TrialResult, Trouble};
use crate::history::Failure;
use crate::program::State;
use crate::{Invocation, Machine, Payload, Timestamp};
use request::Request;
use serde_json::{Map, Value as Json, json};

/// Why a request is refused, as AWS tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// `ValidationException`, `InvalidDefinition` or `InvalidExecutionInput`.
    pub code: &'static str,
    /// AWS's sentence.
    pub message: String,
}

impl ApiError {
    fn validation(message: impl Into<String>) -> Self {
        Self { code: "ValidationException", message: message.into() }
    }
}

/// A state under test. [`StateTest::new`] takes it to where it needs a call; without one, or with the call's
/// answer, [`StateTest::finish`] tells how it ended.
pub struct StateTest {
    request: Request,
    machine: Machine,
    trial: Trial,
    ended: Option<TrialResult>,
    call: Option<Box<Invocation>>,
}

impl StateTest {
    /// Reads a request of `TestState`, a JSON object with AWS's member names, and runs the state as far as it goes
    /// by itself.
    ///
    /// # Errors
    /// What AWS refuses.
    pub fn new(request: &Json, (region, account): (&str, &str), now: Timestamp) -> Result<Self, ApiError> {
        let request = Request::read(request)?;
        let machine = request.machine()?;
        let state = first(&machine)?;
        request.check(state)?;
        let (context, object) = request.context(state, (region, account), now)?;
        let variables = request.variables.clone();
        let mut trial =
            Trial::new(machine.start(), request.input.clone(), (context, object), variables, request.retries);
        if !request.variables.is_empty() {
            let shown: Map<String, Json> =
                request.variables.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect();
            trial.inspection.insert("variables".to_owned(), json!(Json::Object(shown).to_string()));
        }
        let need = trial.begin(machine.program(), state);
        let mut test = Self { request, machine: machine.clone(), trial, ended: None, call: None };
        match need {
            Need::Nothing(result) => test.ended = Some(*result),
            Need::Call(invocation) if test.request.mock.is_none() => test.call = Some(invocation),
            Need::Call(invocation) => {
                if let (Some(Ok(result)), Some(mode)) = (&test.request.mock, test.request.field_checks()) {
                    mock::check(&invocation.resource, &result.to_json(), mode)
                        .map_err(ApiError::validation)?;
                }
                test.mocked(first(&machine)?)?;
            }
            Need::Results => test.mocked(first(&machine)?)?,
        }
        Ok(test)
    }

    /// The call that the state makes, if it makes one and no mock stands for it.
    #[must_use]
    pub fn call(&self) -> Option<&Invocation> {
        self.call.as_deref()
    }

    /// How the test ended, as AWS answers it. `answer` is the answer of [`StateTest::call`].
    #[must_use]
    pub fn finish(mut self, answer: Option<Result<Payload, Failure>>) -> Json {
        let machine = self.machine.clone();
        if let (Some(answer), Ok(state)) = (answer, first(&machine)) {
            self.ended = Some(self.answered(state, answer, true));
        }
        let ended = self.ended.unwrap_or_else(|| TrialResult {
            status: "FAILED",
            output: None,
            next: None,
            failure: Failure::new("States.Runtime", "The call was not answered."),
        });
        let mut response = Map::new();
        if let Some(output) = &ended.output {
            response.insert("output".to_owned(), json!(output.text()));
        }
        if let Some(error) = &ended.failure.error {
            response.insert("error".to_owned(), json!(error));
        }
        if let Some(cause) = &ended.failure.cause {
            response.insert("cause".to_owned(), json!(cause));
        }
        if self.request.inspects {
            response.insert("inspectionData".to_owned(), Json::Object(self.trial.inspection));
        }
        if let Some(next) = &ended.next {
            response.insert("nextState".to_owned(), json!(next));
        }
        response.insert("status".to_owned(), json!(ended.status));
        Json::Object(response)
    }

    fn mocked(&mut self, state: &State) -> Result<(), ApiError> {
        let failures = self.request.failed_iterations;
        if let (Some(failed), Some(items)) = (failures, self.trial.items())
            && usize::try_from(failed).is_ok_and(|failed| failed > items)
        {
            return Err(ApiError::validation(
                "Map iteration failure count must be less than or equal to the number of Map iterations",
            ));
        }
        let Some(answer) = self.request.mock.clone() else { return Ok(()) };
        let is_task = state.kind == crate::StateKind::Task;
        let exceeded = answer.is_ok() && failures.is_some_and(|failed| self.trial.exceeds(failed));
        let answer = if exceeded {
            let cause = "The specified tolerated failure threshold was exceeded";
            Err(Failure::new("States.ExceedToleratedFailureThreshold", cause))
        } else {
            answer
        };
        self.ended = Some(self.answered(state, answer, is_task));
        Ok(())
    }

    fn answered(&mut self, state: &State, answer: Result<Payload, Failure>, shown: bool) -> TrialResult {
        let machine = self.machine.clone();
        match answer {
            Ok(result) => self.trial.finish(machine.program(), state, &result, shown),
            Err(failure) => self.trial.failed(machine.program(), state, Trouble::Failure(failure)),
        }
    }
}

fn first(machine: &Machine) -> Result<&State, ApiError> {
    machine
        .program()
        .states
        .get(machine.start() as usize)
        .ok_or_else(|| ApiError::validation("State not found in definition"))
}
