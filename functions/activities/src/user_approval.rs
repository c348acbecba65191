//! `UserApproval`: people are asked, and the step waits for their decision.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_kernel::{
    activity::{ActivitySpec, ErrorSpec, Idempotency, IdempotencyLevel, RetryClass, StepOption, Wait},
    id::TaskId,
};
use toss_runtime::{
    Activity, ActivityCall, ActivityError, ConfigurationError, Grant, Platform,
    grant::{Queue, Table},
};
use toss_store::tasks::InlineGroup;
use toss_tasks::{
    ApprovalResult, Desk, Message, NewEscalation, NewTask, NoticeQueue, Occasion, OpenError, TaskError,
};

/// The most people a task can be assigned to by name.
const MOST_NAMES: usize = 100;

/// The longest name of a person or group.
const LONGEST_NAME: usize = 256;

/// Asks people to approve or reject.
pub struct UserApproval {
    desk: Desk,
    queue: NoticeQueue,
}

/// What a step passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// What is asked.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// More about it, in Markdown.
    #[serde(default)]
    #[schemars(length(max = 20_000))]
    description: Option<String>,
    /// Who may decide.
    #[schemars(length(min = 1, max = 100))]
    assignees: Vec<Assignee>,
    /// How many different people must approve. 1 when not given.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    quorum: u32,
    /// Whether a single rejection rejects. True when not given; else as many rejections as make the quorum impossible.
    #[serde(default = "yes")]
    veto: bool,
    /// What the approvers see.
    #[serde(default)]
    data: Value,
    /// The step's `timeout`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    timeout_seconds: Option<u64>,
    /// The step's `escalate`.
    #[serde(default)]
    escalate: Option<Escalate>,
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

/// A person, or a group of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Assignee {
    /// A person's name or mail address, or a group's name. Its members are read when somebody decides.
    Name(#[schemars(length(min = 1, max = 256))] String),
    /// A group that is written out here.
    Group(Members),
}

/// A group that is written out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Members {
    /// The group's name.
    #[schemars(length(min = 1, max = 256))]
    group: String,
    /// The names of its members.
    #[schemars(length(min = 1, max = 100))]
    members: Vec<String>,
}

/// Who is asked as well, once or in steps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Escalate {
    Once(EscalateStep),
    Steps(#[schemars(length(max = 10))] Vec<EscalateStep>),
}

/// Who is asked as well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EscalateStep {
    /// After how many seconds without a decision.
    #[schemars(range(min = 1))]
    after_seconds: u64,
    /// Names of people and groups.
    #[schemars(length(min = 1, max = 100))]
    to: Vec<String>,
}

/// The answer of the function, which the state machine does not read: the step's result comes with the
/// decision. In the catalogue its schema is therefore that of the result.
#[derive(Debug, Serialize)]
pub struct Asked {
    task_id: TaskId,
}

impl JsonSchema for Asked {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ApprovalResult::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ApprovalResult::json_schema(generator)
    }
}

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub enum UserApprovalError {
    /// The task cannot be decided or made.
    #[error(transparent)]
    Open(OpenError),
    /// The parameters break a rule that is not in their schema.
    #[error("{0}")]
    InvalidParameters(String),
    /// The platform cannot ask now.
    #[error("The task cannot be handed out now.")]
    Unavailable,
}

impl From<OpenError> for UserApprovalError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Task(error @ (TaskError::Store(_) | TaskError::Audit(_) | TaskError::Contended)) => {
                tracing::error!(%error, "the task was not made");
                Self::Unavailable
            }
            error => Self::Open(error),
        }
    }
}

impl ActivityError for UserApprovalError {
    fn all() -> Vec<ErrorSpec> {
        let error = |name: &str, class, description: &str| ErrorSpec {
            name: name.into(),
            class,
            description: description.into(),
        };
        vec![
            error("NoAssignee", RetryClass::Permanent, "The groups named in `assignees` have no members."),
            error(
                "QuorumOutOfReach",
                RetryClass::Permanent,
                "Fewer people may decide than the quorum asks for.",
            ),
            error(
                "TooLarge",
                RetryClass::Permanent,
                "Title, description and data are larger than a task holds.",
            ),
            error("Unavailable", RetryClass::Retryable, "The task cannot be handed out now."),
            error("Cancelled", RetryClass::Permanent, "The task was cancelled."),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Open(OpenError::NoAssignee) => "NoAssignee",
            Self::Open(OpenError::QuorumOutOfReach { .. }) => "QuorumOutOfReach",
            Self::Open(OpenError::TooLarge) => "TooLarge",
            Self::InvalidParameters(_) | Self::Open(OpenError::NoToken) => "InvalidParameters",
            Self::Open(OpenError::Task(_)) | Self::Unavailable => "Unavailable",
        }
    }
}

impl Activity for UserApproval {
    const TYPE: &'static str = "UserApproval";
    const GRANTS: &'static [Grant] = &[
        Grant::Read(Table::Work),
        Grant::Write(Table::Work),
        Grant::Write(Table::Audit),
        Grant::Seal,
        Grant::Send(Queue::Approvals),
    ];
    type Parameters = Parameters;
    type Output = Asked;
    type Error = UserApprovalError;

    fn describe() -> ActivitySpec {
        ActivitySpec {
            activity_type: Self::TYPE.into(),
            title: "Approval".into(),
            description: "Asks people to approve or reject, and waits for their decision. A quorum is of different \
                people: nobody decides twice, for whomever."
                .into(),
            parameters: Value::Null,
            result: Value::Null,
            errors: Vec::new(),
            wait: Wait::TaskToken,
            timeout: "30d".parse().ok(),
            retry: Default::default(),
            idempotency: Idempotency {
                level: IdempotencyLevel::Keyed,
                statement: "The task's id comes from execution, step and entry of the step: a second run finds the same task.".into(),
            },
            meters: vec!["api_requests".into()],
            takes: vec![StepOption::Timeout, StepOption::Escalate],
            example: json!({
                "activity": "UserApproval",
                "with": { "title": "Pay {% $input.number %}?", "assignees": ["finance"], "quorum": 2 },
                "timeout": "48h",
                "escalate": { "after": "24h", "to": ["cfo"] },
                "end": true,
            }),
        }
    }

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self { desk: Desk::new(platform)?, queue: NoticeQueue::new(platform)? })
    }

    async fn run(&self, call: ActivityCall, parameters: Parameters) -> Result<Asked, UserApprovalError> {
        let new = new_task(parameters).map_err(UserApprovalError::InvalidParameters)?;
        let task = self.desk.open(&call, new).await?;
        // Sent again by each attempt: whoever reads it knows what was told already.
        let occasion = if task.resume.is_some() { Occasion::Decided } else { Occasion::Created };
        let message = Message { tenant: task.tenant, task: task.id, occasion };
        self.queue.send(&message, Duration::ZERO).await.map_err(|error| {
            tracing::error!(%error, "the notice was not sent");
            UserApprovalError::Unavailable
        })?;
        Ok(Asked { task_id: task.id })
    }
}

fn new_task(parameters: Parameters) -> Result<NewTask, String> {
    let length = |what: &str, text: &str, most: usize| {
        let fits = text.chars().count() <= most;
        if fits { Ok(()) } else { Err(format!("The parameter '{what}' is longer than {most} characters.")) }
    };
    length("title", &parameters.title, 200)?;
    length("description", parameters.description.as_deref().unwrap_or_default(), 20_000)?;
    if parameters.title.trim().is_empty() {
        return Err("The parameter 'title' is empty.".into());
    }
    if !(1..=100).contains(&parameters.quorum) {
        return Err("The parameter 'quorum' must be from 1 to 100.".into());
    }
    let (mut assignees, mut inline_groups) = (Vec::new(), Vec::new());
    for assignee in parameters.assignees {
        match assignee {
            Assignee::Name(name) => assignees.push(name),
            Assignee::Group(Members { group, members }) => {
                names("assignees", &members)?;
                assignees.push(group.clone());
                inline_groups.push(InlineGroup { group, members });
            }
        }
    }
    names("assignees", &assignees)?;
    let steps = match parameters.escalate {
        None => Vec::new(),
        Some(Escalate::Once(step)) => vec![step],
        Some(Escalate::Steps(steps)) => steps,
    };
    if steps.len() > 10 || steps.iter().any(|step| step.after_seconds == 0) {
        return Err("The parameter 'escalate' has at most 10 steps, each after at least 1 second.".into());
    }
    steps.iter().try_for_each(|step| names("escalate", &step.to))?;
    let escalations = steps.into_iter();
    Ok(NewTask {
        title: parameters.title,
        description: parameters.description,
        assignees,
        inline_groups,
        quorum: parameters.quorum,
        veto: parameters.veto,
        data: parameters.data,
        timeout_seconds: parameters.timeout_seconds,
        escalations: escalations
            .map(|step| NewEscalation { after_seconds: step.after_seconds, to: step.to })
            .collect(),
    })
}

fn names(what: &str, names: &[String]) -> Result<(), String> {
    let fits = |name: &String| {
        !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control)
    };
    if (1..=MOST_NAMES).contains(&names.len()) && names.iter().all(fits) {
        return Ok(());
    }
    Err(format!(
        "The parameter '{what}' must hold 1 to {MOST_NAMES} names of 1 to {LONGEST_NAME} characters each."
    ))
}

#[cfg(test)]
mod tests;
