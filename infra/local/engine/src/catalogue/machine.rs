//! A state machine, its revisions, versions and aliases.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toss_asl::Machine;

/// Standard or Express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MachineKind {
    Standard,
    Express,
}

impl MachineKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }
}

/// A state machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateMachine {
    pub(crate) name: Arc<str>,
    pub(crate) kind: MachineKind,
    pub(crate) created: i64,
    /// The number of its current revision.
    pub(crate) revision: u64,
    pub(crate) versions: BTreeMap<u32, Version>,
    pub(crate) next_version: u32,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A published version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) revision: u64,
    pub(crate) description: String,
    pub(crate) created: i64,
}

/// An alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) description: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// Which share of an alias's executions a version gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) version: u32,
    pub(crate) weight: u32,
}

/// A definition with its role, as it was at one time. Never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RevisionRecord {
    pub(crate) id: u64,
    /// AWS's `revisionId`; a machine that was never updated has `INITIAL`.
    pub(crate) label: Arc<str>,
    pub(crate) definition: Arc<str>,
    pub(crate) role: Arc<str>,
    pub(crate) created: i64,
    /// JSON text: maps that do not describe themselves cannot hold arbitrary values.
    pub(crate) logging: Option<String>,
    pub(crate) tracing: bool,
    pub(crate) encryption: Option<String>,
}

/// A revision, compiled when it is first run.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) record: RevisionRecord,
    machine: OnceLock<Option<Machine>>,
}

impl Revision {
    pub(crate) fn new(record: RevisionRecord) -> Self {
        Self { record, machine: OnceLock::new() }
    }

    /// The compiled machine. `None` only if a definition that was accepted once is not any more.
    pub(crate) fn machine(&self) -> Option<Machine> {
        self.machine.get_or_init(|| Machine::parse(&self.record.definition).ok()).clone()
    }

    pub(crate) fn logging(&self) -> Option<Value> {
        self.record.logging.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }

    pub(crate) fn encryption(&self) -> Option<Value> {
        self.record.encryption.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }
}
