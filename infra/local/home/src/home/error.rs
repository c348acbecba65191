//! Why a home does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use toss_local_engine::EngineError;
use toss_local_keys::KeysError;
use toss_local_protocol::ServiceError;
use toss_local_queues::QueuesError;

use crate::services::dynamodb::TableError;
use crate::template::TemplateError;

/// Why a home does not start, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The data directory is in use.
    #[error("{} is in use by another process; end that, or choose another directory with --data", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory cannot be used.
    #[error("{} cannot be used: {source}; choose another directory with --data", path.display())]
    Data {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A port cannot be listened on.
    #[error("{address} cannot be listened on ({source}); choose another address, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// An address that is not the machine's own.
    #[error(
        "the services listen on loopback only, since whoever reaches them owns the data; {address} is not"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Functions of the template that cannot be run.
    #[error("functions of the template cannot be run:\n  {}", problems.join("\n  "))]
    Functions {
        /// One line each.
        problems: Vec<String>,
    },
    /// The tables cannot be used.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// The table file's upkeep fails.
    #[error("the tables' file cannot be kept up: {0}")]
    Upkeep(#[from] rusqlite::Error),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The queues cannot be used.
    #[error(transparent)]
    Queues(#[from] QueuesError),
    /// A queue cannot be made as the template says.
    #[error("the queue {queue} cannot be made as the template says: {error}")]
    Queue {
        /// The queue.
        queue: String,
        /// Why.
        error: ServiceError,
    },
    /// The engine cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The API does not become healthy.
    #[error("the API does not answer GET /v1/health with 200; the log tells why")]
    NotReady,
    /// A part of the start did not finish.
    #[error("the start was interrupted")]
    Interrupted,
}
