//! A request of `TestState`: reading and refusing.

use super::ApiError;
use crate::execution::context_object;
use crate::program::{Body, State};
use crate::resource::Pattern;
use crate::{ExecutionContext, Failure, Machine, Payload, StateKind, Timestamp, Value, rejection, validate};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The name that a state has while it is tested.
const NAME: &str = "StateName";

pub(super) struct Request {
    definition: Value,
    definition_text: String,
    state_name: Option<String>,
    role: Option<Arc<str>>,
    pub(super) input: Payload,
    pub(super) inspects: bool,
    reveals: bool,
    context: Option<Value>,
    pub(super) variables: Vec<(Arc<str>, Payload)>,
    has_mock: bool,
    pub(super) mock: Option<Result<Payload, Failure>>,
    mode: String,
    pub(super) failed_iterations: Option<u64>,
    pub(super) retries: u32,
}

impl Request {
    pub(super) fn read(request: &Json) -> Result<Self, ApiError> {
        let text = |name: &str| request.get(name).and_then(Json::as_str);
        let definition_text = text("definition").unwrap_or_default();
        let definition = Value::parse(definition_text).map_err(|_| ApiError {
            code: "InvalidDefinition",
            message: rejection(&validate(definition_text, crate::ValidationOptions::default())),
        })?;
        let json = |name: &str, default: &str| {
            let text = text(name).unwrap_or(default);
            Payload::parse(text).map_err(|_| ApiError {
                code: "InvalidExecutionInput",
                message: format!("Invalid {name}: it is not valid JSON"),
            })
        };
        let configuration = request.get("stateConfiguration");
        let number = |name: &str| configuration.and_then(|holder| holder.get(name)).and_then(Json::as_u64);
        let variables = json("variables", "{}")?;
        let members = variables.value().as_object().cloned().unwrap_or_default();
        Ok(Self {
            definition,
            definition_text: definition_text.to_owned(),
            state_name: text("stateName").map(str::to_owned),
            role: text("roleArn").map(Arc::from),
            input: json("input", "{}")?,
            inspects: matches!(text("inspectionLevel"), Some("DEBUG" | "TRACE")),
            reveals: request.get("revealSecrets") == Some(&Json::Bool(true)),
            context: match text("context") {
                Some(_) => Some(json("context", "{}")?.value().clone()),
                None => None,
            },
            variables: members.into_iter().map(|(name, value)| (name, Payload::from_value(value))).collect(),
            has_mock: request.get("mock").is_some(),
            mock: mock_of(request.get("mock"))?,
            mode: request
                .get("mock")
                .and_then(|mock| mock.get("fieldValidationMode"))
                .and_then(Json::as_str)
                .unwrap_or("STRICT")
                .to_owned(),
            failed_iterations: number("mapIterationFailureCount"),
            retries: number("retrierRetryCount").and_then(|count| count.try_into().ok()).unwrap_or(0),
        })
    }

    /// Whether the mock's fields are checked: `Some(true)` if the required ones must be there.
    pub(super) fn field_checks(&self) -> Option<bool> {
        match self.mode.as_str() {
            "NONE" => None,
            "PRESENT" => Some(false),
            _ => Some(true),
        }
    }

    /// The state as a machine of its own.
    pub(super) fn machine(&self) -> Result<Machine, ApiError> {
        let refused = |message: String| ApiError { code: "InvalidDefinition", message };
        let (state, language) = match &self.state_name {
            None => (self.definition.clone(), None),
            Some(name) => {
                let state = find(&self.definition, name)
                    .ok_or_else(|| ApiError::validation("State not found in definition"))?;
                Machine::parse(&self.definition_text).map_err(|found| refused(rejection(&found)))?;
                (state.clone(), self.definition.get("QueryLanguage").cloned())
            }
        };
        let mut states = crate::Object::default();
        for target in validate::targets(&state) {
            states.insert(target.into(), Value::from(json!({ "Type": "Succeed" })));
        }
        states.insert(NAME.into(), state);
        let mut machine = crate::Object::default();
        machine.insert("StartAt".into(), Value::from(NAME));
        machine.insert("States".into(), Value::object(states));
        if let Some(language) = language {
            machine.insert("QueryLanguage".into(), language);
        }
        Machine::parse(&Value::object(machine).to_json()).map_err(|found| refused(rejection(&found)))
    }

    /// What cannot be asked of this state.
    pub(super) fn check(&self, state: &State) -> Result<(), ApiError> {
        let refuse = |message: String| Err(ApiError::validation(message));
        let kind = state.kind;
        let mockable = matches!(kind, StateKind::Task | StateKind::Map | StateKind::Parallel);
        if self.has_mock && !mockable {
            return refuse(format!("State type '{}' is not supported when a mock is specified", kind.name()));
        }
        if self.has_mock && self.reveals {
            return refuse("TestState does not support RevealSecrets when a mock is specified.".to_owned());
        }
        if self.failed_iterations.is_some() && !self.has_mock {
            return refuse(
                "TestState does not support MapIterationFailureCount when a mock is not specified."
                    .to_owned(),
            );
        }
        if !self.has_mock && matches!(kind, StateKind::Map | StateKind::Parallel) {
            return Err(ApiError {
                code: "InvalidDefinition",
                message:
                    "TestState API does not support Map or Parallel states. Supported state types include: \
                          [Task, Wait, Pass, Succeed, Fail, Choice]"
                        .to_owned(),
            });
        }
        if !self.has_mock && kind == StateKind::Task && self.role.is_none() {
            return refuse("RoleArn must be specified when testing a Task state".to_owned());
        }
        self.check_results(state)
    }

    /// The mocked results of branches and iterations.
    fn check_results(&self, state: &State) -> Result<(), ApiError> {
        let Some(Ok(result)) = &self.mock else { return Ok(()) };
        let items = result.value().as_array();
        let must_be_array = match &state.body {
            Body::Parallel { .. } => true,
            Body::Map(map) => map.distributed.as_ref().is_none_or(|distributed| distributed.writer.is_none()),
            _ => false,
        };
        match (&state.body, items) {
            (_, None) if must_be_array => Err(ApiError::validation("Mocked result must be an array.")),
            (Body::Parallel { branches }, Some(items)) if items.len() != branches.len() => {
                Err(ApiError::validation(
                    "Mocked result must contain the same number of items as number of Parallel branches.",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The context object: the one that was given, or one like AWS makes up.
    pub(super) fn context(
        &self,
        state: &State,
        (region, account): (&str, &str),
        now: Timestamp,
    ) -> Result<(ExecutionContext, Value), ApiError> {
        let name = "00000000-0000-4000-8000-000000000000";
        let context = ExecutionContext {
            arn: format!("arn:aws:states:{region}:{account}:express:{name}:{name}").into(),
            name: name.into(),
            role: self.role.clone().unwrap_or_else(|| "".into()),
            start_time: now,
            state_machine_arn: format!("arn:aws:states:{region}:{account}:stateMachine:{name}").into(),
            state_machine_name: name.into(),
            express: true,
            key: 0,
            child: None,
        };
        if let Some(given) = &self.context {
            check_context(given, state)?;
            return Ok((context, given.clone()));
        }
        let mut members = json!({ "Name": NAME, "EnteredTime": now.to_string() });
        if matches!(state.kind, StateKind::Task | StateKind::Map | StateKind::Parallel) {
            members["RetryCount"] = json!(self.retries);
        }
        let object = context_object(&context, &self.input, (0, None), Value::from(members), []);
        let mut object = Json::from(&object);
        if let Some(execution) = object.get_mut("Execution").and_then(Json::as_object_mut) {
            execution.remove("RedriveCount");
            if self.role.is_none() {
                execution.insert("RoleArn".to_owned(), Json::Null);
            }
        }
        Ok((context, Value::from(object)))
    }
}

fn mock_of(mock: Option<&Json>) -> Result<Option<Result<Payload, Failure>>, ApiError> {
    let Some(mock) = mock else { return Ok(None) };
    match (mock.get("result"), mock.get("errorOutput")) {
        (Some(_), Some(_)) => Err(ApiError::validation(
            "A test mock should have only one of the following fields: [result, errorOutput].",
        )),
        (Some(result), None) => {
            let text = result.as_str().unwrap_or_default();
            let payload =
                Payload::parse(text).map_err(|_| ApiError::validation("Mocked result must be valid JSON"))?;
            Ok(Some(Ok(payload)))
        }
        (None, Some(error)) => {
            let text = |name: &str| error.get(name).and_then(Json::as_str).map(Arc::from);
            Ok(Some(Err(Failure { error: text("error"), cause: text("cause") })))
        }
        (None, None) => Ok(Some(Ok(Payload::from_value(Value::empty())))),
    }
}

fn check_context(given: &Value, state: &State) -> Result<(), ApiError> {
    let refuse =
        |reason: String| Err(ApiError::validation(format!("Invalid Context object provided: {reason}")));
    let Some(members) = given.as_object() else { return refuse("it is not an object".to_owned()) };
    for name in members.keys() {
        match &**name {
            "Execution" | "State" | "StateMachine" => {}
            "Map" => return refuse("'Map' field is not supported when mocking a Context object".to_owned()),
            "Task" => {
                let waits = match &state.body {
                    Body::Task(task) => task.resource.pattern() != Pattern::RequestResponse,
                    _ => false,
                };
                if !waits {
                    return refuse(
                        "Context object contains 'Task' when state is not a Task state with a '.sync' or \
                         '.waitForTaskToken' service integration pattern"
                            .to_owned(),
                    );
                }
            }
            other => return refuse(format!("Field '{other}' is not allowed")),
        }
    }
    Ok(())
}

/// A state by its name, also inside branches and processors.
fn find<'a>(machine: &'a Value, name: &str) -> Option<&'a Value> {
    let states = machine.get("States")?.as_object()?;
    states.get(name).or_else(|| {
        states.values().find_map(|state| {
            let branches = state.get("Branches").and_then(Value::as_array).unwrap_or_default();
            let processors = [state.get("ItemProcessor"), state.get("Iterator")].into_iter().flatten();
            branches.iter().chain(processors).find_map(|inner| find(inner, name))
        })
    })
}
