//! The state machines with their versions and aliases, and the activities.

mod machine;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub(crate) use machine::{Alias, MachineKind, Revision, RevisionRecord, Route, StateMachine, Version};

/// A change of the catalogue. Each holds the whole new form of one thing, so that replaying it twice does no
/// harm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Change {
    Revision(RevisionRecord),
    Machine(StateMachine),
    /// A new or updated machine with the revision it now has.
    Revised(StateMachine, RevisionRecord),
    MachineRemoved(Arc<str>),
    Activity(Activity),
    ActivityRemoved(Arc<str>),
}

/// Something that workers poll for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) name: Arc<str>,
    pub(crate) created: i64,
    pub(crate) tags: BTreeMap<String, String>,
}

/// All that is defined.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) machines: BTreeMap<Arc<str>, Arc<StateMachine>>,
    pub(crate) revisions: HashMap<u64, Arc<Revision>>,
    pub(crate) activities: BTreeMap<Arc<str>, Arc<Activity>>,
    pub(crate) next_revision: u64,
    /// Changes that the archive does not have yet.
    pub(crate) unsaved: Vec<Change>,
    /// The position after the last change.
    pub(crate) position: u64,
}

impl Catalogue {
    /// Takes a change in.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Revision(revision) => self.add_revision(revision),
            Change::Machine(machine) => {
                self.machines.insert(Arc::clone(&machine.name), Arc::new(machine.clone()));
            }
            Change::Revised(machine, revision) => {
                self.add_revision(revision);
                self.machines.insert(Arc::clone(&machine.name), Arc::new(machine.clone()));
            }
            // Revisions stay: executions may still run them, or be redriven.
            Change::MachineRemoved(name) => {
                self.machines.remove(name);
            }
            Change::Activity(activity) => {
                self.activities.insert(Arc::clone(&activity.name), Arc::new(activity.clone()));
            }
            Change::ActivityRemoved(name) => {
                self.activities.remove(name);
            }
        }
    }

    fn add_revision(&mut self, revision: &RevisionRecord) {
        self.next_revision = self.next_revision.max(revision.id + 1);
        self.revisions.entry(revision.id).or_insert_with(|| Arc::new(Revision::new(revision.clone())));
    }

    /// The current revision of a machine.
    pub(crate) fn current(&self, machine: &StateMachine) -> Option<Arc<Revision>> {
        self.revisions.get(&machine.revision).cloned()
    }
}
