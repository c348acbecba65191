//! `SendNotification`: people are told something, in their inboxes and over webhooks.

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toss_delivery::webhook::{Event, EventType, PublishError, Publisher};
use toss_kernel::{
    Clock,
    activity::{ActivitySpec, ErrorSpec, Idempotency, IdempotencyLevel, RetryClass, Wait},
    id::{EventId, NoticeId},
};
use toss_runtime::{
    Activity, ActivityCall, ActivityError, ConfigurationError, Grant, Platform,
    grant::{Queue, Table},
};
use toss_store::{Store, StoreError, inbox::Notice};

/// The most recipients.
const MOST_RECIPIENTS: usize = 100;

/// The longest name of a person or group.
const LONGEST_NAME: usize = 256;

/// The longest text.
const LONGEST_TEXT: usize = 20_000;

/// Tells people something.
pub struct SendNotification {
    store: Store,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
}

/// What a step passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Whom: names or mail addresses of people, or names of groups.
    to: Recipients,
    /// A line above the text.
    #[serde(default)]
    #[schemars(length(max = 200))]
    subject: Option<String>,
    /// What to say.
    #[schemars(length(min = 1, max = 20_000))]
    text: String,
    /// By which way. Both when not given.
    #[serde(default)]
    channel: Option<Channel>,
}

/// One recipient or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Recipients {
    One(#[schemars(length(min = 1, max = 256))] String),
    Several(#[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 256)))] Vec<String>),
}

/// A way to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Channel {
    /// Their inboxes, at `GET /v1/inbox`.
    InApp,
    /// The tenant's webhooks, as `notification.sent`.
    Webhook,
}

/// What the step's variable is bound to.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Sent {
    /// The notice's id.
    notification_id: NoticeId,
    /// How many people and groups were told.
    recipients: usize,
}

/// Why nobody was told, or not everybody.
#[derive(Debug, thiserror::Error)]
pub enum SendNotificationError {
    /// Nobody is meant.
    #[error("Nobody is meant by 'to'. Name a person or a group.")]
    NoRecipient,
    /// The parameters break a rule that is not in their schema.
    #[error("{0}")]
    InvalidParameters(String),
    /// The notice could not be written or published now.
    #[error("The notice cannot be sent now.")]
    Unavailable,
}

impl From<StoreError> for SendNotificationError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the notice was not written");
        Self::Unavailable
    }
}

impl From<PublishError> for SendNotificationError {
    fn from(error: PublishError) -> Self {
        tracing::error!(%error, "the notice was not published");
        Self::Unavailable
    }
}

impl ActivityError for SendNotificationError {
    fn all() -> Vec<ErrorSpec> {
        let error = |name: &str, class, description: &str| ErrorSpec {
            name: name.into(),
            class,
            description: description.into(),
        };
        vec![
            error("NoRecipient", RetryClass::Permanent, "Nobody is meant by `to`."),
            error("Unavailable", RetryClass::Retryable, "The notice cannot be sent now."),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::NoRecipient => "NoRecipient",
            Self::InvalidParameters(_) => "InvalidParameters",
            Self::Unavailable => "Unavailable",
        }
    }
}

impl Activity for SendNotification {
    const TYPE: &'static str = "SendNotification";
    const GRANTS: &'static [Grant] =
        &[Grant::Read(Table::Work), Grant::Write(Table::Work), Grant::Send(Queue::Webhooks)];
    type Parameters = Parameters;
    type Output = Sent;
    type Error = SendNotificationError;

    fn describe() -> ActivitySpec {
        ActivitySpec {
            activity_type: Self::TYPE.into(),
            title: "Notification".into(),
            description: "Tells people something, in their inboxes and over the tenant's webhooks.".into(),
            parameters: Value::Null,
            result: Value::Null,
            errors: Vec::new(),
            wait: Wait::RequestResponse,
            timeout: "30s".parse().ok(),
            retry: Default::default(),
            idempotency: Idempotency {
                level: IdempotencyLevel::Keyed,
                statement: "The notice's id comes from execution, step and entry of the step: a second run tells nobody twice.".into(),
            },
            meters: vec!["api_requests".into()],
            takes: Vec::new(),
            example: json!({
                "activity": "SendNotification",
                "with": { "to": "finance", "text": "Invoice {% $input.number %} is paid." },
                "end": true,
            }),
        }
    }

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            publisher: Publisher::new(platform)?,
            clock: Arc::clone(&platform.clock),
        })
    }

    async fn run(&self, call: ActivityCall, parameters: Parameters) -> Result<Sent, SendNotificationError> {
        let recipients = recipients(&parameters)?;
        let id = NoticeId::from_ulid(call.derived("notice"));
        if parameters.channel != Some(Channel::Webhook) {
            for recipient in &recipients {
                self.write(&call, &parameters, id, recipient).await?;
            }
        }
        if parameters.channel != Some(Channel::InApp) {
            let event = Event {
                id: EventId::from_ulid(call.derived("notification.sent")),
                kind: EventType::NotificationSent,
                timestamp: call.entered_at(),
                data: json!({
                    "id": id,
                    "to": recipients,
                    "subject": parameters.subject,
                    "text": parameters.text,
                    "execution_id": call.execution,
                    "workflow": call.workflow,
                    "step": call.step,
                }),
            };
            self.publisher.publish(&call.scope, &event).await?;
        }
        Ok(Sent { notification_id: id, recipients: recipients.len() })
    }
}

impl SendNotification {
    /// Puts the notice into an inbox, where an earlier run may have put it.
    async fn write(
        &self,
        call: &ActivityCall,
        parameters: &Parameters,
        id: NoticeId,
        recipient: &str,
    ) -> Result<(), StoreError> {
        let notice = Notice {
            id,
            tenant: call.scope.tenant(),
            recipient: recipient.to_owned(),
            subject: parameters.subject.clone(),
            text: parameters.text.clone(),
            about: Some(call.execution.to_string()),
            created_at: self.clock.now(),
        };
        match self.store.create(&notice).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn recipients(parameters: &Parameters) -> Result<BTreeSet<&str>, SendNotificationError> {
    let invalid = |sentence: String| Err(SendNotificationError::InvalidParameters(sentence));
    let named: BTreeSet<&str> = match &parameters.to {
        Recipients::One(name) => BTreeSet::from([name.as_str()]),
        Recipients::Several(names) => names.iter().map(String::as_str).collect(),
    };
    if named.iter().all(|name| name.trim().is_empty()) {
        return Err(SendNotificationError::NoRecipient);
    }
    let fits = |name: &&str| {
        !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control)
    };
    if named.len() > MOST_RECIPIENTS || !named.iter().all(fits) {
        return invalid(format!(
            "The parameter 'to' holds at most {MOST_RECIPIENTS} names of 1 to {LONGEST_NAME} characters each."
        ));
    }
    if parameters.text.is_empty() || parameters.text.chars().count() > LONGEST_TEXT {
        return invalid(format!("The parameter 'text' must have 1 to {LONGEST_TEXT} characters."));
    }
    if parameters.subject.as_ref().is_some_and(|subject| subject.chars().count() > 200) {
        return invalid("The parameter 'subject' is longer than 200 characters.".into());
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use toss_kernel::id::WebhookId;
    use toss_runtime::scope::of_platform_record;
    use toss_store::{
        testing::Tables,
        webhooks::{EndpointStatus, WebhookDelivery, WebhookEndpoint},
    };

    use super::*;
    use crate::testing::invoke;

    fn platform() -> Platform {
        Tables::new()
            .with_service("AmazonSQS", Arc::new(|_, _| Ok(json!({ "Successful": [], "Failed": [] }))))
            .platform()
    }

    #[tokio::test]
    async fn a_step_that_runs_twice_tells_everyone_once() {
        let platform = platform();
        let store = Store::new(&platform);
        let scope = of_platform_record("ten_00000000000000000000000001".parse().unwrap());
        let webhook: WebhookId = "whk_00000000000000000000000001".parse().unwrap();
        let endpoint = WebhookEndpoint {
            id: webhook,
            tenant: scope.tenant(),
            url: "https://a.example/".into(),
            events: vec!["notification.sent".into()],
            description: None,
            secrets: Vec::new(),
            status: EndpointStatus::Enabled,
            failures: 0,
            created_at: platform.clock.now(),
            revision: 0,
        };
        store.create(&endpoint).await.unwrap();
        let parameters =
            json!({ "to": ["accounting", "ada", "ada"], "subject": "Paid", "text": "It is paid." });
        let first = invoke::<SendNotification>(&platform, parameters.clone()).await.unwrap();
        assert_eq!(first["recipients"], 2);
        assert_eq!(invoke::<SendNotification>(&platform, parameters).await.unwrap(), first);
        for name in ["accounting", "ada"] {
            let inbox = store.list::<Notice>(Notice::inbox(&scope, name)).await.unwrap().items;
            assert_eq!(inbox.len(), 1);
            assert_eq!(inbox[0].text, "It is paid.");
        }
        let range = WebhookDelivery::of_endpoint(&scope, webhook);
        let deliveries = store.list::<WebhookDelivery>(range).await.unwrap().items;
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].event_type, "notification.sent");
    }

    #[tokio::test]
    async fn what_cannot_be_told_is_refused() {
        let platform = platform();
        for (parameters, name) in [
            (json!({ "to": [], "text": "x" }), "NoRecipient"),
            (json!({ "to": "", "text": "x" }), "NoRecipient"),
            (json!({ "to": ["a", ""], "text": "x" }), "InvalidParameters"),
            (json!({ "to": "a\n", "text": "x" }), "InvalidParameters"),
            (json!({ "to": "x".repeat(300), "text": "x" }), "InvalidParameters"),
            (json!({ "to": "a", "text": "" }), "InvalidParameters"),
            (json!({ "to": "a", "text": "x".repeat(20_001) }), "InvalidParameters"),
            (json!({ "to": 5, "text": "x" }), "InvalidParameters"),
            (json!({ "to": "a", "text": "x", "channel": "fax" }), "InvalidParameters"),
        ] {
            let error = invoke::<SendNotification>(&platform, parameters).await.unwrap_err();
            assert_eq!(error.error_type, format!("SendNotification.{name}"));
        }
    }
}
