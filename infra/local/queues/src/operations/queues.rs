//! Queues from creation to deletion.

use std::sync::PoisonError;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use toss_local_protocol::ServiceError;

use super::{parse, tags};
use crate::{
    inner::Inner,
    name,
    record::Record,
    refusal::{self, required},
    settings::{Attributes, Settings},
    state::State,
};

const MOST_LISTED: i64 = 1000;
const PURGE_PAUSE: i64 = 60_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue {
    queue_name: Option<String>,
    attributes: Option<Attributes>,
    #[serde(rename = "tags", alias = "Tags")]
    tags: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

/// The input of operations that take a queue alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneQueue {
    pub(super) queue_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    queue_url: Option<String>,
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Inner {
    pub(crate) fn queue_url(&self, name: &str) -> String {
        let base_url = self.base_url.read().unwrap_or_else(PoisonError::into_inner);
        format!("{base_url}/{}/{name}", self.address.account)
    }

    pub(super) async fn create_queue(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: CreateQueue = parse(body)?;
        let name = required(input.queue_name, "QueueName")?;
        let given = input.attributes.unwrap_or_default();
        let position = {
            let mut change = self.change();
            let settings = self.settings_of_new(&change.state, &name, &given)?;
            let tags = tags::checked(input.tags.unwrap_or_default())?;
            match change.state.queue(&name) {
                Ok(existing) => match existing.settings.difference(&name, &given) {
                    None => {}
                    Some(attribute) => {
                        return Err(refusal::modelled(
                            "QueueNameExists",
                            format!(
                                "A queue already exists with the same name and a different value for attribute {attribute}"
                            ),
                        ));
                    }
                },
                Err(_) => change.record(self.creation(&name, &settings, tags)),
            }
            change.finish()?
        };
        self.written(position).await?;
        Ok(json!({ "QueueUrl": self.queue_url(&name) }))
    }

    pub(crate) async fn ensure_queue(&self, name: &str, given: Attributes) -> Result<String, ServiceError> {
        let position = {
            let mut change = self.change();
            let settings = self.settings_of_new(&change.state, name, &given)?;
            match change.state.queue(name) {
                Ok(existing) if existing.settings == settings => {}
                Ok(_) => change.record(Record::QueueChanged {
                    queue: name.to_owned(),
                    attributes: given,
                    at: self.now(),
                }),
                Err(_) => change.record(self.creation(name, &settings, Attributes::new())),
            }
            change.finish()?
        };
        self.written(position).await?;
        Ok(self.queue_url(name))
    }

    pub(super) fn get_queue_url(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: GetQueueUrl = parse(body)?;
        let name = required(input.queue_name, "QueueName")?;
        if input.owner.is_some_and(|owner| owner != self.address.account) {
            return Err(refusal::no_such_queue());
        }
        self.lock().queue(&name)?;
        Ok(json!({ "QueueUrl": self.queue_url(&name) }))
    }

    pub(super) fn list_queues(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListQueues = parse(body)?;
        let prefix = input.queue_name_prefix.clone().unwrap_or_default();
        let state = self.lock();
        let names = state.queues().map(|(name, _)| name).filter(|name| name.starts_with(&prefix));
        self.page("QueueUrls", names, &input)
    }

    pub(super) fn list_dead_letter_source_queues(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: ListQueues = parse(body)?;
        let target = self.queue_name(input.queue_url.as_deref())?;
        let arn = self.address.arn(&target);
        let state = self.lock();
        state.queue(&target)?;
        let sources = state.queues().filter(|(_, queue)| {
            queue.settings.redrive.as_ref().is_some_and(|redrive| redrive.target_arn == arn)
        });
        self.page("queueUrls", sources.map(|(name, _)| name), &input)
    }

    pub(super) async fn delete_queue(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneQueue = parse(body)?;
        let name = self.queue_name(input.queue_url.as_deref())?;
        let position = {
            let mut change = self.change();
            change.state.queue(&name)?;
            change.record(Record::QueueDeleted { queue: name });
            change.finish()?
        };
        self.written(position).await?;
        Ok(Value::Null)
    }

    pub(super) async fn purge_queue(&self, body: &[u8]) -> Result<Value, ServiceError> {
        let input: OneQueue = parse(body)?;
        let name = self.queue_name(input.queue_url.as_deref())?;
        let now = self.now();
        let position = {
            let mut change = self.change();
            let last = change.state.queue(&name)?.purged;
            if last.is_some_and(|last| last + PURGE_PAUSE > now) {
                return Err(refusal::modelled(
                    "PurgeQueueInProgress",
                    format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds."),
                ));
            }
            change.record(Record::QueuePurged { queue: name, at: now });
            change.finish()?
        };
        self.written(position).await?;
        Ok(Value::Null)
    }

    /// Checks that what a queue gives up has somewhere to go.
    pub(super) fn check_redrive(
        &self,
        state: &State,
        name: &str,
        settings: &Settings,
    ) -> Result<(), ServiceError> {
        let Some(redrive) = &settings.redrive else { return Ok(()) };
        let invalid = |reason: &str| refusal::invalid_value(redrive.to_json(), "RedrivePolicy", reason);
        let target = self.address.name_in_arn(&redrive.target_arn);
        let target = target.and_then(|target| state.queue(target).ok());
        let target = target.ok_or_else(|| invalid("Dead letter target does not exist."))?;
        if target.settings.fifo != settings.fifo {
            return Err(invalid("Dead-letter queue must be same type of queue as the source."));
        }
        if !target.settings.redrive_allow.admits(&self.address.arn(name)) {
            return Err(invalid(
                "The dead-letter queue's RedriveAllowPolicy does not allow this source queue.",
            ));
        }
        Ok(())
    }

    fn creation(&self, name: &str, settings: &Settings, tags: Attributes) -> Record {
        let at = self.now();
        Record::QueueCreated {
            queue: name.to_owned(),
            attributes: settings.given().clone(),
            tags,
            at,
            modified: at,
        }
    }

    fn settings_of_new(
        &self,
        state: &State,
        name: &str,
        given: &Attributes,
    ) -> Result<Settings, ServiceError> {
        name::check(name)?;
        let says_fifo = given.get("FifoQueue").is_some_and(|value| value == "true");
        if says_fifo && !name::is_fifo(name) {
            return Err(refusal::invalid_parameter(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
            ));
        }
        if name::is_fifo(name) && !says_fifo {
            return Err(refusal::invalid_parameter(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let settings = Settings::read(name, given.clone())?;
        self.check_redrive(state, name, &settings)?;
        Ok(settings)
    }

    fn page<'a>(
        &self,
        member: &str,
        names: impl Iterator<Item = &'a str>,
        input: &ListQueues,
    ) -> Result<Value, ServiceError> {
        let most = input.max_results.unwrap_or(MOST_LISTED);
        if !(1..=MOST_LISTED).contains(&most) {
            return Err(refusal::invalid_value(most, "MaxResults", "MaxResults must be between 1 and 1000."));
        }
        let after = input.next_token.as_deref().map(read_token).transpose()?;
        let mut rest = names.filter(|name| after.as_ref().is_none_or(|after| *name > after.as_str()));
        let page: Vec<&str> = rest.by_ref().take(usize::try_from(most).unwrap_or(1)).collect();
        let mut answer = Map::new();
        answer.insert(member.into(), page.iter().map(|name| self.queue_url(name)).collect());
        if let (Some(last), Some(_)) = (page.last(), rest.next()) {
            answer.insert("NextToken".into(), json!(URL_SAFE_NO_PAD.encode(last)));
        }
        Ok(answer.into())
    }
}

fn read_token(token: &str) -> Result<String, ServiceError> {
    let invalid = || refusal::invalid_parameter("Invalid or expired next token.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    String::from_utf8(bytes).map_err(|_| invalid())
}
