//! Who may decide a task.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use toss_store::tasks::Task;

/// Groups of a tenant by name, each with its members.
pub type Groups = BTreeMap<String, Vec<String>>;

/// The people who have a voice in a task, as its groups are now.
///
/// A name that is neither a group the author wrote out nor one the tenant registered is a person's. When such
/// names alone cannot make the quorum, they may stand for groups that the tenant keeps elsewhere: the task is
/// then *open*, and whom an administrator names decides as a member. Nobody but an administrator (or a key
/// that may act for others) can decide by that rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    members: BTreeSet<String>,
    open: bool,
}

impl People {
    /// The people of a task. What an escalation names counts from its time on.
    #[must_use]
    pub fn of(task: &Task, groups: &Groups, now: Timestamp) -> Self {
        let group = |name: &String| {
            let inline = task.inline_groups.iter().find(|group| group.group == *name);
            inline.map(|group| &group.members).or_else(|| groups.get(name))
        };
        let people = |name: &String| group(name).cloned().unwrap_or_else(|| vec![name.clone()]);
        let mut members: BTreeSet<String> = task.assignees.iter().flat_map(people).collect();
        // Whether a task is open does not change when more people are asked: only its assignees count.
        let few = members.len() < usize::try_from(task.quorum).unwrap_or(usize::MAX);
        let open = few && task.assignees.iter().any(|name| group(name).is_none());
        let escalated = task.escalations.iter().filter(|step| step.at <= now);
        members.extend(escalated.flat_map(|step| &step.to).flat_map(people));
        Self { members, open }
    }

    /// The names that are groups if the tenant has registered them, for looking them up.
    #[must_use]
    pub fn names(task: &Task) -> BTreeSet<&str> {
        let escalated = task.escalations.iter().flat_map(|step| &step.to);
        task.assignees
            .iter()
            .chain(escalated)
            .map(String::as_str)
            .filter(|name| task.inline_groups.iter().all(|group| group.group != *name))
            .collect()
    }

    /// Whether the name has a voice.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    /// Whether names stand for groups that are not known here.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Their names, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The assignee for whom a person decides: itself, or the one who delegated to it.
    #[must_use]
    pub fn voice<'a>(&'a self, task: &'a Task, person: &str) -> Option<&'a str> {
        let own = self.members.get(person).map(String::as_str);
        let delegated = || {
            let delegation = task.delegations.iter().find(|delegation| delegation.to == person)?;
            // An assignee who has left the group has no voice to pass on, unless nobody knows the group.
            (self.has(&delegation.from) || self.open).then_some(delegation.from.as_str())
        };
        own.or_else(delegated)
    }
}
