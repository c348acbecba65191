//! What the journal holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toss_asl::{Failure, Payload, Seed, Status, Stimulus};

use crate::catalogue::Change;

/// A record of the journal: something that happened, never what was made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Record {
    /// An execution was started.
    Started(Box<Start>),
    /// Something happened to an execution.
    Happened { key: u64, now: i64, stimulus: Stimulus },
    /// An Express execution came to its end.
    Ended { key: u64 },
    /// A state machine, version, alias or activity changed.
    Catalogue(Box<Change>),
    /// Status events of records before this position were delivered.
    Delivered { position: u64 },
}

/// [`Record::Happened`] without owning the stimulus.
#[derive(Debug, Serialize)]
pub(crate) enum Borrowed<'a> {
    Started(&'a Start),
    Happened { key: u64, now: i64, stimulus: &'a Stimulus },
    Catalogue(&'a Change),
}

/// All that the beginning of an execution depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) profile: Profile,
    pub(crate) seed: Seed,
}

/// What never changes about an execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) key: u64,
    pub(crate) name: Arc<str>,
    /// The name of its state machine; for a child of a distributed Map with the Map's label.
    pub(crate) machine: Arc<str>,
    pub(crate) revision: u64,
    #[serde(default)]
    pub(crate) version: Option<u32>,
    #[serde(default)]
    pub(crate) alias: Option<Arc<str>>,
    pub(crate) express: bool,
    pub(crate) started: i64,
    pub(crate) input: Payload,
    #[serde(default)]
    pub(crate) trace: Option<Arc<str>>,
    #[serde(default)]
    pub(crate) origin: Origin,
}

/// Who started an execution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// A call of the API.
    #[default]
    Call,
    /// A task of another execution, which waits for the end.
    Task { parent: u64, task: u32, parsed: bool },
    /// A distributed Map.
    Map { parent: u64, run: u32, child: u32, processor: u32, map_run: Arc<str> },
}

/// How an execution stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    pub(crate) stopped: Option<i64>,
    pub(crate) output: Option<Payload>,
    pub(crate) failure: Failure,
    #[serde(default)]
    pub(crate) redrives: u32,
    #[serde(default)]
    pub(crate) redriven: Option<i64>,
    /// How many pieces of history are in the archive.
    #[serde(default)]
    pub(crate) pieces: u32,
    #[serde(default)]
    pub(crate) last_event: u64,
    #[serde(default)]
    pub(crate) map_runs: Vec<MapRun>,
}

impl Standing {
    pub(crate) fn running() -> Self {
        Self {
            status: Status::Running,
            stopped: None,
            output: None,
            failure: Failure::default(),
            redrives: 0,
            redriven: None,
            pieces: 0,
            last_event: 0,
            map_runs: Vec::new(),
        }
    }
}

/// A distributed Map's run, as `DescribeMapRun` tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MapRun {
    pub(crate) run: u32,
    pub(crate) arn: Arc<str>,
    pub(crate) label: Arc<str>,
    pub(crate) status: Status,
    pub(crate) started: i64,
    pub(crate) stopped: Option<i64>,
    pub(crate) items: u64,
    pub(crate) children: u32,
    pub(crate) max_concurrency: u64,
    pub(crate) tolerated_count: u64,
    pub(crate) tolerated_percentage: f64,
    pub(crate) begun: u32,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) aborted: u32,
}
