//! Lists of tasks.

use jiff::Timestamp;
use toss_kernel::TenantScope;
use toss_runtime::api::Problem;
use toss_store::{
    Cursor, Page, Store,
    groups::Group,
    tasks::{Task, TaskOfExecution},
};
use toss_tasks::{Groups, People};

use super::{TasksQuery, view::TaskView};
use crate::listing::Listing;

/// How many reads one answer may take: a filter that few tasks pass answers a short page with a cursor.
const READS: usize = 10;

/// The most groups that are read for a filter by person, in pages of this many.
const GROUPS: u32 = 1000;

/// A page of tasks.
pub(super) async fn answer(
    store: &Store,
    scope: &TenantScope,
    query: &TasksQuery,
    now: Timestamp,
) -> Result<Listing<TaskView>, Problem> {
    let groups = match &query.assignee {
        Some(_) => groups(store, scope).await?,
        None => Groups::new(),
    };
    let limit = usize::try_from(query.limit.get()).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut cursor = query.cursor.as_deref().map(Cursor::parse).transpose()?;
    for _ in 0..READS {
        let left = query.limit.get() - u32::try_from(items.len()).unwrap_or(0);
        let page = read(store, scope, query, left, cursor).await?;
        items.extend(page.items.into_iter().filter(|task| passes(task, query, &groups, now)));
        cursor = page.next;
        if cursor.is_none() || items.len() >= limit {
            break;
        }
    }
    Ok(Listing::of(Page { items, next: cursor }, TaskView::from))
}

async fn read(
    store: &Store,
    scope: &TenantScope,
    query: &TasksQuery,
    limit: u32,
    cursor: Option<Cursor>,
) -> Result<Page<Task>, Problem> {
    let Some(execution) = query.execution_id else {
        return Ok(store.list(Task::of_tenant(scope, query.status).limit(limit).after(cursor)).await?);
    };
    let range = TaskOfExecution::of(scope, execution).limit(limit).after(cursor);
    let page = store.list::<TaskOfExecution>(range).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for found in page.items {
        items.extend(store.get::<Task>(&Task::key_of(scope, found.task_id)).await?);
    }
    Ok(Page { items, next: page.next })
}

fn passes(task: &Task, query: &TasksQuery, groups: &Groups, now: Timestamp) -> bool {
    // An index may be a moment behind the item, so the status is looked at again.
    let status = query.status.is_none_or(|status| status == task.status);
    let Some(name) = query.assignee.as_deref().filter(|_| status) else { return status };
    let people = People::of(task, groups, now);
    task.assignees.iter().any(|assignee| assignee == name) || people.voice(task, name).is_some()
}

async fn groups(store: &Store, scope: &TenantScope) -> Result<Groups, Problem> {
    let mut groups = Groups::new();
    let mut after = None;
    for _ in 0..READS {
        let page = store.list::<Group>(Group::of_tenant(scope).limit(GROUPS).after(after)).await?;
        groups.extend(page.items.into_iter().map(|group| (group.name, group.members)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(groups)
}
