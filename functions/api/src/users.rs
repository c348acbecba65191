//! People of a tenant: the groups that tasks are assigned to, and inboxes.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toss_kernel::{Role, TenantScope, id::NoticeId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
    grant::Table,
};
use toss_store::{Store, groups::Group, inbox::Notice};

use crate::{
    checks::Checks,
    listing::{Limit, Listing, PageQuery, page},
    record::{Act, Recorder},
};

/// The most members of a group.
const MOST_MEMBERS: usize = 500;

/// The longest name of a person or group.
const LONGEST_NAME: usize = 256;

/// The endpoint.
pub(crate) struct Users {
    platform: Platform,
    store: Store,
    recorder: Recorder,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Membership {
    /// Names of the members: those under which people's keys are registered.
    #[schemars(length(max = 500))]
    members: Vec<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Group")]
struct GroupView {
    name: String,
    /// Names of the members, in alphabetical order.
    members: Vec<String>,
    updated_at: Timestamp,
}

impl From<Group> for GroupView {
    fn from(group: Group) -> Self {
        Self { name: group.name, members: group.members, updated_at: group.updated_at }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InboxQuery {
    /// Whose: your own when not given. A group's members read the group's; an administrator reads all.
    #[serde(default)]
    recipient: Option<String>,
    /// How many items at most.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Notice")]
struct NoticeView {
    id: NoticeId,
    recipient: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    text: String,
    /// The task or execution it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    created_at: Timestamp,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id,
            recipient: notice.recipient,
            subject: notice.subject,
            text: notice.text,
            about: notice.about,
            created_at: notice.created_at,
        }
    }
}

impl Resource for Users {
    const HANDLER: &'static str = "users";
    const SUMMARY: &'static str = "People of a tenant: groups and inboxes.";
    const GRANTS: &'static [Grant] =
        &[Grant::Read(Table::Work), Grant::Write(Table::Work), Grant::Write(Table::Audit), Grant::Seal];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            platform: platform.clone(),
            store: Store::new(platform),
            recorder: Recorder::new(platform)?,
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let (all, one) = ("/v1/groups", "/v1/groups/{name}");
        let (read, update) = (Access::Action("groups:read"), Access::Action("groups:update"));
        let inbox = Access::Action("inbox:read");
        vec![
            Route::new(Method::GET, all, read, 200, "Groups, by name", Self::list),
            Route::new(Method::GET, one, read, 200, "One group", Self::read),
            Route::new(Method::PUT, one, update, 200, "Set a group's members; makes the group", Self::put),
            Route::new(
                Method::DELETE,
                one,
                Access::Action("groups:delete"),
                204,
                "Delete a group",
                Self::delete,
            ),
            Route::new(
                Method::GET,
                "/v1/inbox",
                inbox,
                200,
                "Notices to a person or group, newest first",
                Self::inbox,
            ),
        ]
    }
}

impl Users {
    async fn list(
        self: Arc<Self>,
        request: Request<(), PageQuery>,
    ) -> Result<Reply<Listing<GroupView>>, Problem> {
        let range = request.query.of(Group::of_tenant(request.scope()?))?;
        Ok(Reply::ok(Listing::of(self.store.list::<Group>(range).await?, GroupView::from)))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<GroupView>, Problem> {
        let group = self.group(request.scope()?, &name(&request)?).await?;
        Ok(Reply::ok(group.ok_or_else(|| Problem::not_found("group"))?.into()))
    }

    async fn put(self: Arc<Self>, request: Request<Membership>) -> Result<Reply<GroupView>, Problem> {
        let (scope, name) = (request.scope()?, name(&request)?);
        let mut checks = Checks::default();
        checks.name("/name", &name, LONGEST_NAME);
        for (place, member) in request.body.members.iter().enumerate() {
            checks.name(&format!("/members/{place}"), member, LONGEST_NAME);
        }
        let members: BTreeSet<String> = request.body.members.iter().cloned().collect();
        checks.require(members.len() <= MOST_MEMBERS, "/members", "length", "must have at most 500 names");
        checks.done()?;
        let existing = self.group(scope, &name).await?;
        let group = Group {
            tenant: scope.tenant(),
            name,
            members: members.into_iter().collect(),
            updated_at: self.platform.clock.now(),
            revision: existing.as_ref().map_or(0, |group| group.revision),
        };
        if let Some(existing) = existing.as_ref().filter(|existing| existing.members == group.members) {
            return Ok(Reply::ok(existing.clone().into()));
        }
        let details = vec![("members", json!(group.members))];
        let act = Act { action: "group.update", kind: "group", id: &group.name, details };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        let transaction = self.store.transaction();
        let transaction =
            if existing.is_some() { transaction.replace(&group)? } else { transaction.create(&group)? };
        transaction.create(&event)?.commit().await?;
        Ok(Reply::ok(group.into()))
    }

    async fn delete(self: Arc<Self>, request: Request) -> Result<Reply<()>, Problem> {
        let (scope, name) = (request.scope()?, name(&request)?);
        let act = Act { action: "group.delete", kind: "group", id: &name, details: Vec::new() };
        let event = self.recorder.of(scope, &request.caller, act).await?;
        let transaction = self.store.transaction().delete::<Group>(&Group::key_of(scope, &name))?;
        match transaction.create(&event)?.commit().await {
            Ok(()) => Ok(Reply::no_content()),
            Err(error) if error.failed_at(0) => Err(Problem::not_found("group")),
            Err(error) => Err(error.into()),
        }
    }

    async fn inbox(
        self: Arc<Self>,
        request: Request<(), InboxQuery>,
    ) -> Result<Reply<Listing<NoticeView>>, Problem> {
        let (scope, principal) = (request.scope()?, &request.caller.principal);
        let InboxQuery { recipient, limit, cursor } = &request.query;
        let recipient = recipient.as_deref().unwrap_or(&principal.name);
        if recipient != principal.name && !principal.has(Role::Admin) {
            let group = self.group(scope, recipient).await?;
            if !group.is_some_and(|group| group.members.contains(&principal.name)) {
                return Err(Problem::forbidden("You read your own inbox and those of your groups."));
            }
        }
        if recipient.is_empty() || recipient.chars().count() > LONGEST_NAME {
            return Err(Problem::bad_request("bad-query", "'recipient' must have 1 to 256 characters."));
        }
        let range = page(Notice::inbox(scope, recipient).newest_first(), *limit, cursor.as_deref())?;
        Ok(Reply::ok(Listing::of(self.store.list::<Notice>(range).await?, NoticeView::from)))
    }

    async fn group(&self, scope: &TenantScope, name: &str) -> Result<Option<Group>, Problem> {
        Ok(self.store.get(&Group::key_of(scope, name)).await?)
    }
}

/// The group that the path names. A name that no group can have names none.
fn name<B, Q>(request: &Request<B, Q>) -> Result<String, Problem> {
    let name: String = request.path("name", "group")?;
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
    if fits { Ok(name) } else { Err(Problem::not_found("group")) }
}
