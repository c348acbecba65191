//! What invokes a function that no route and no state machine calls.

use crate::grant::Queue;

/// An event source of a worker; the generator writes it into the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Messages of a queue, ten at a time, with partial batch failures.
    Messages(Queue),
    /// New events of the audit table, in order for each tenant. The item kind is that of the events, so that
    /// the log's own items do not come back.
    NewItems {
        /// The value of the attribute `kind`.
        kind: &'static str,
    },
    /// Changes of the status of executions.
    ExecutionStatus,
    /// Once a minute.
    EveryMinute,
}
