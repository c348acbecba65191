//! A definition after compilation: what the interpreter walks.

use crate::choice::Rule;
use crate::history::StateKind;
use crate::jsonata::Expression;
use crate::jsonpath::{JsonPath, ReferencePath};
use crate::template::Template;
use crate::{TaskResource, Value};
use std::sync::Arc;

/// A whole machine.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) definition: Arc<str>,
    pub(crate) states: Vec<State>,
    pub(crate) start: StateIndex,
    pub(crate) timeout_seconds: Option<u64>,
    /// The distributed Map states with the state their processor begins at.
    pub(crate) processors: Vec<StateIndex>,
}

/// A state's place in [`Program::states`].
pub(crate) type StateIndex = u32;

/// The query language of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

/// A state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    pub(crate) kind: StateKind,
    pub(crate) language: Language,
    /// `None` ends the branch.
    pub(crate) next: Option<StateIndex>,
    pub(crate) input_path: Select,
    pub(crate) output_path: Select,
    /// `Parameters` or `Arguments`.
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: Place,
    pub(crate) assign: Option<Template>,
    pub(crate) output: Option<Template>,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
    pub(crate) body: Body,
}

/// `InputPath` and `OutputPath`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Select {
    Whole,
    Nothing,
    Path(JsonPath),
}

/// `ResultPath`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Replace,
    Discard,
    Path(ReferencePath),
}

/// What a state does.
#[derive(Debug)]
pub(crate) enum Body {
    Task(Box<Task>),
    Pass { result: Option<Value> },
    Choice(Box<Choice>),
    Wait(Delay),
    Succeed,
    Fail { error: Option<Text>, cause: Option<Text> },
    Parallel { branches: Vec<StateIndex> },
    Map(Box<Map>),
}

/// A value that the definition gives as such, by a path, or by an expression.
#[derive(Debug)]
pub(crate) enum Text {
    Fixed(Value),
    Path(Source),
    Expression(Expression),
}

/// A path or an intrinsic function, with the text of the field.
#[derive(Debug)]
pub(crate) enum Source {
    Path(JsonPath),
    Intrinsic(crate::intrinsic::Intrinsic),
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) resource: TaskResource,
    pub(crate) timeout: Option<Text>,
    pub(crate) heartbeat: Option<Text>,
    pub(crate) role: Option<Text>,
}

#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<ChoiceRule>,
    pub(crate) default: Option<StateIndex>,
}

#[derive(Debug)]
pub(crate) struct ChoiceRule {
    pub(crate) rule: Rule,
    pub(crate) next: StateIndex,
    pub(crate) assign: Option<Template>,
    pub(crate) output: Option<Template>,
}

#[derive(Debug)]
pub(crate) enum Delay {
    Seconds(Text),
    Timestamp(Text),
}

#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) start: StateIndex,
    pub(crate) items: Items,
    pub(crate) item_selector: Option<Template>,
    pub(crate) max_concurrency: Option<Text>,
    pub(crate) tolerated_count: Option<Text>,
    pub(crate) tolerated_percentage: Option<Text>,
    pub(crate) distributed: Option<Box<Distributed>>,
}

#[derive(Debug)]
pub(crate) enum Items {
    /// `ItemsPath`, or the whole input.
    Path(Option<JsonPath>),
    /// `Items` of JSONata.
    Template(Template),
}

#[derive(Debug)]
pub(crate) struct Distributed {
    pub(crate) processor: u32,
    pub(crate) express: bool,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) reader: Option<Reader>,
    pub(crate) batcher: Option<Batcher>,
    pub(crate) writer: Option<Writer>,
}

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) resource: TaskResource,
    pub(crate) parameters: Option<Template>,
    pub(crate) config: Value,
    pub(crate) max_items: Option<Text>,
}

#[derive(Debug)]
pub(crate) struct Batcher {
    pub(crate) max_items: Option<Text>,
    pub(crate) max_bytes: Option<Text>,
    pub(crate) batch_input: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) resource: Option<TaskResource>,
    pub(crate) parameters: Option<Template>,
    pub(crate) config: Value,
}

#[derive(Debug)]
pub(crate) struct Retrier {
    pub(crate) errors: Vec<Arc<str>>,
    pub(crate) interval_seconds: u64,
    pub(crate) max_attempts: u32,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: Option<u64>,
    pub(crate) full_jitter: bool,
}

#[derive(Debug)]
pub(crate) struct Catcher {
    pub(crate) errors: Vec<Arc<str>>,
    pub(crate) next: StateIndex,
    pub(crate) result_path: Place,
    pub(crate) assign: Option<Template>,
    pub(crate) output: Option<Template>,
}
