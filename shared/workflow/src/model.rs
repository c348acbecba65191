//! The definition language as types: the published JSON Schema, the structure check and the compiler all come
//! from these.
//!
//! Every field is optional for the reader, so that a definition with one broken part is still understood in
//! all others; what is required is said to the schema.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use toss_kernel::Span;

/// A workflow: a process written as steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Definition {
    /// The workflow's name: small letters, digits and hyphens.
    #[schemars(required, length(min = 1, max = 63), regex(pattern = "^[a-z][a-z0-9-]*$"))]
    pub workflow: Option<String>,
    /// A few words for people.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// What it is for, in Markdown.
    pub description: Option<String>,
    /// JSON Schema that the input of an execution must fit. Steps read the input as `$input`.
    pub input: Option<serde_json::Map<String, Value>>,
    /// How long an execution may take in all.
    pub timeout: Option<Span>,
    /// How executions run. `auto` chooses, and says why.
    pub mode: Option<Mode>,
    /// The steps. They run in the order written unless `next` says otherwise.
    #[schemars(required)]
    pub steps: Option<Steps>,
    /// What an execution answers at every ending: any value, with expressions. Without it, the last step's result.
    pub output: Option<Value>,
}

/// How executions run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Durable, exactly once, up to a year.
    Standard,
    /// Cheap and fast, at least once, up to five minutes, without people.
    Express,
    /// Express where that changes nothing for the author, else standard.
    #[default]
    Auto,
}

/// Steps by name, in the order written. A step's result is bound to a variable of its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps(pub Vec<(String, Step)>);

/// One step: an activity, or an ending with `fail`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the step does: a type of the catalogue, or `Conditional`, `Loop`, `Parallel`, `Delay`.
    pub activity: Option<String>,
    /// Ends the execution as failed, after compensating what completed.
    pub fail: Option<Fail>,
    /// A few words for people.
    pub title: Option<String>,
    /// What the step is for.
    pub description: Option<String>,
    /// The activity's parameters: values, with expressions between `{%` and `%}`.
    pub with: Option<serde_json::Map<String, Value>>,

    /// Conditional: the cases, tried in order.
    pub cases: Option<Vec<Case>>,
    /// Conditional: the step when no case holds. Without it, the step written next.
    pub otherwise: Option<String>,

    /// Loop: the list to go through, or an expression that answers one.
    pub items: Option<Items>,
    /// Loop over items: the variable that holds the item. `item` when not given; `<name>_index` counts from 0.
    #[serde(rename = "as")]
    pub item_name: Option<String>,
    /// Loop over items: how many run at the same time. 1, one after the other, when not given.
    #[schemars(range(min = 1, max = 40))]
    pub concurrency: Option<u32>,
    /// Loop: goes on while this expression holds; tried before each round.
    #[serde(rename = "while")]
    pub condition: Option<String>,
    /// Loop with `while`: the most rounds; one more fails with `Loop.LimitReached`. 1000 when not given.
    #[schemars(range(min = 1, max = 5000))]
    pub max: Option<u32>,
    /// Loop: the steps of one round.
    pub steps: Option<Steps>,

    /// Parallel: what runs at the same time, by name. The result holds each branch's result under its name.
    pub branches: Option<Branches>,

    /// Delay: how long. An expression answers seconds.
    #[serde(rename = "for")]
    pub duration: Option<SpanOrExpression>,
    /// Delay: until when, as an RFC 3339 time in UTC, or an expression that answers one.
    pub until: Option<String>,

    /// The step that follows. Without it, the step written next.
    pub next: Option<String>,
    /// Ends the execution, or the round or branch the step stands in.
    pub end: Option<bool>,
    /// With `end`: what the ending answers, instead of the workflow's `output` or the step's result.
    pub output: Option<Value>,
    /// Where errors lead. Tried in order.
    pub catch: Option<Vec<Catch>>,
    /// How errors are retried, instead of the activity's own schedule.
    pub retry: Option<OneOrMany<Retry>>,
    /// How long the step may take.
    pub timeout: Option<Span>,
    /// What undoes the step when the execution fails later.
    pub compensate: Option<Compensate>,
    /// UserApproval and UserTask: who is asked as well when nobody has decided in time.
    pub escalate: Option<OneOrMany<Escalate>>,
}

/// A failed ending.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The execution's error, such as `InvoiceRejected`.
    #[schemars(required, length(min = 1, max = 256))]
    pub error: Option<String>,
    /// The execution's cause: a text, or an expression that answers one.
    pub cause: Option<String>,
}

/// One case of a Conditional. It leads to a step, or ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The expression that must hold.
    #[schemars(required)]
    pub when: Option<String>,
    /// The step that follows.
    pub next: Option<String>,
    /// Ends here.
    pub end: Option<bool>,
    /// With `end`: what the ending answers.
    pub output: Option<Value>,
}

/// Where errors lead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catch {
    /// Names of errors, short (`Timeout`) or full (`HttpRequest.Timeout`). All errors when not given.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<String>>,
    /// The step that follows.
    pub next: Option<String>,
    /// Ends here.
    pub end: Option<bool>,
    /// With `end`: what the ending answers.
    pub output: Option<Value>,
    /// The variable that is bound to `{error, cause}`. `caught` when not given.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

impl Catch {
    /// The variable that holds the error. `$error` would be a function of JSONata.
    #[must_use]
    pub fn variable(&self) -> &str {
        self.name.as_deref().unwrap_or("caught")
    }
}

/// How errors are retried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Names of errors. The activity's retryable ones when not given.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<String>>,
    /// Attempts after the first. 0 switches retries off.
    #[schemars(range(min = 0, max = 100))]
    pub max: Option<u32>,
    /// Wait before the first retry.
    pub interval: Option<Span>,
    /// By what each wait grows.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub backoff: Option<f64>,
    /// The longest wait.
    pub max_interval: Option<Span>,
    /// Whether waits are spread at random.
    pub jitter: Option<bool>,
}

/// What undoes a completed step. Its expressions are evaluated when the step completes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compensate {
    /// The activity that undoes.
    #[schemars(required)]
    pub activity: Option<String>,
    /// Its parameters. They may read the step's own result.
    pub with: Option<serde_json::Map<String, Value>>,
    /// How its errors are retried.
    pub retry: Option<OneOrMany<Retry>>,
    /// How long it may take.
    pub timeout: Option<Span>,
}

/// Who is asked as well, and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalate {
    /// After how long without a decision.
    #[schemars(required)]
    pub after: Option<Span>,
    /// Users or groups, as `assignees` names them, or an expression that answers a list of them.
    #[schemars(required)]
    pub to: Option<Items>,
}

/// One of the things that run at the same time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The branch's steps.
    #[schemars(required)]
    pub steps: Option<Steps>,
}

/// Branches by name, in alphabetical order: they run at the same time, so the order written means nothing.
pub type Branches = BTreeMap<String, Branch>;

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A list, or an expression that answers one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Items(pub Value);

impl JsonSchema for Items {
    fn schema_name() -> Cow<'static, str> {
        "ListOrExpression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "array" }, { "type": "string", "pattern": EXPRESSION_PATTERN }],
            "description": "A list, or an expression between `{%` and `%}` that answers one.",
        })
    }
}

/// A duration, or an expression that answers seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanOrExpression(pub String);

impl JsonSchema for SpanOrExpression {
    fn schema_name() -> Cow<'static, str> {
        "DurationOrExpression".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<Span>();
        json_schema!({
            "anyOf": [span, { "type": "string", "pattern": EXPRESSION_PATTERN }],
            "description": "A duration, or an expression between `{%` and `%}` that answers seconds.",
        })
    }
}

const EXPRESSION_PATTERN: &str = "^\\{%[\\s\\S]*%\\}$";

impl JsonSchema for Steps {
    fn schema_name() -> Cow<'static, str> {
        "Steps".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let step = generator.subschema_for::<Step>();
        json_schema!({
            "type": "object",
            "description": "Steps by name, in the order they run. A name is a letter and then letters, digits and underscores.",
            "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": 64 },
            "minProperties": 1,
            "additionalProperties": step,
        })
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, step)| (name, step)))
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Steps;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("steps by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Steps, A::Error> {
                let mut steps = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    steps.push(entry);
                }
                Ok(Steps(steps))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
