//! What a template comes to: every thing the home has to have, by its physical name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::iam::Statement;

/// A resolved template.
#[derive(Debug, Default)]
pub struct Model {
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
    /// The gateway's routes.
    pub routes: Vec<Route>,
    /// The stage's name, for request contexts.
    pub stage: String,
    /// Content types whose bodies are passed on as base64.
    pub binary_media_types: Vec<String>,
    /// Tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Queues by name.
    pub queues: BTreeMap<String, Queue>,
    /// Keys by id.
    pub keys: BTreeMap<String, Key>,
    /// Roles by ARN.
    pub roles: BTreeMap<String, Role>,
    /// Policies that roles name by ARN.
    pub managed_policies: BTreeMap<String, Vec<Statement>>,
    /// Queue event sources.
    pub queue_sources: Vec<QueueSource>,
    /// Stream event sources.
    pub stream_sources: Vec<StreamSource>,
    /// Event rules.
    pub rules: Vec<Rule>,
    /// Schedules.
    pub schedules: Vec<Schedule>,
    /// Outputs of the root stack.
    pub outputs: BTreeMap<String, Value>,
    /// Types of resources that the home leaves out because nothing on one machine depends on them.
    pub left_out: BTreeSet<String>,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The binary that holds it: the last part of its `CodeUri`.
    pub binary: String,
    /// Which of the binary's functions it is.
    pub handler: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its memory in MB.
    pub memory: u32,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The ARN of its role.
    pub role: String,
    /// How many invocations may run at once, where the template limits that.
    pub reserved_concurrency: Option<usize>,
}

/// A route of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`, such as `/v1/tasks/{id}`.
    pub path: String,
    /// The function's name.
    pub function: String,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The body of the `CreateTable` call that makes it.
    pub create: Value,
    /// The attribute that items expire by.
    pub time_to_live: Option<String>,
}

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its URL.
    pub url: String,
    /// Its attributes as `CreateQueue` takes them.
    pub attributes: BTreeMap<String, String>,
}

/// A key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its description.
    pub description: String,
    /// `SYMMETRIC_DEFAULT`, `ECC_NIST_EDWARDS25519` and so on.
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY` and so on.
    pub usage: String,
    /// Its aliases, each with its `alias/`.
    pub aliases: Vec<String>,
}

/// A role with everything its policies say.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The statements of all its policies.
    pub statements: Vec<Statement>,
    /// The services that may assume it, such as `states.amazonaws.com`.
    pub trusted: Vec<String>,
}

/// A queue that feeds a function.
#[derive(Debug, Clone)]
pub struct QueueSource {
    /// The function's name.
    pub function: String,
    /// The queue's ARN.
    pub queue_arn: String,
    /// The most messages in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// Whether the function answers with the messages that failed.
    pub partial_failures: bool,
    /// The most invocations at once.
    pub maximum_concurrency: Option<usize>,
    /// Patterns one of which a message must fit, where there are any.
    pub filters: Vec<Value>,
}

/// A table's stream that feeds a function.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The function's name.
    pub function: String,
    /// The stream's ARN.
    pub stream_arn: String,
    /// The table's name.
    pub table: String,
    /// The most records in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// Whether to begin with the oldest record rather than the next.
    pub from_beginning: bool,
    /// Whether to halve a batch that fails.
    pub bisect: bool,
    /// How often to retry a batch; `None` is for ever.
    pub retries: Option<u32>,
    /// Whether the function answers with the record that failed.
    pub partial_failures: bool,
    /// Patterns one of which a record must fit, where there are any.
    pub filters: Vec<Value>,
}

/// A rule that sends events to functions.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The pattern that an event must fit.
    pub pattern: Value,
    /// Where events go.
    pub targets: Vec<Target>,
}

/// Where an event goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The function's name.
    pub function: String,
    /// What the function gets instead of the event, where the template says so.
    pub input: Option<Value>,
}

/// A timer.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// `rate(...)` or `cron(...)`.
    pub expression: String,
    /// What it invokes.
    pub target: Target,
    /// Whether the function gets EventBridge's event rather than the scheduler's.
    pub rule: bool,
}
