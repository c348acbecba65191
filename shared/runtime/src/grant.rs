//! What a function may touch: the one source of its IAM policy and of its settings.
//!
//! A function lists its grants beside its code. The generator writes from them the policy of the function's
//! role and the environment variables that name what it may use; whatever it does not list is refused, by IAM
//! on AWS and by the same policy in the local home.

/// A table of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// What is found before a tenant is known: tenants, API keys by id.
    Directory,
    /// What tenants own.
    Work,
    /// Audit events and the Merkle log over them.
    Audit,
    /// Counters and idempotency records, which expire.
    Limits,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Directory, Self::Work, Self::Audit, Self::Limits];

    /// The environment variable that names it.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Directory => "TOSS_DIRECTORY_TABLE",
            Self::Work => "TOSS_WORK_TABLE",
            Self::Audit => "TOSS_AUDIT_TABLE",
            Self::Limits => "TOSS_LIMITS_TABLE",
        }
    }
}

/// A queue of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// Notices about tasks.
    Approvals,
    /// Webhook deliveries.
    Webhooks,
}

impl Queue {
    /// The environment variable that holds its URL.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Approvals => "TOSS_APPROVALS_QUEUE_URL",
            Self::Webhooks => "TOSS_WEBHOOKS_QUEUE_URL",
        }
    }
}

/// Something a function may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grant {
    /// Read items of a table and its indexes.
    Read(Table),
    /// Create, change and delete items of a table, alone or in transactions.
    Write(Table),
    /// Send messages to a queue.
    Send(Queue),
    /// Make and open data keys under the data key (`TOSS_DATA_KEY_ID`).
    Seal,
    /// Sign with the log key (`TOSS_LOG_KEY_ID`), and read its public half.
    Sign,
    /// Read the public half of the log key.
    PublicKey,
    /// Create, read and delete state machines of workflows, and pass them their role (`TOSS_STATE_MACHINE_ROLE_ARN`).
    ManageStateMachines,
    /// Start executions of workflows.
    StartExecutions,
    /// Read executions and their histories.
    ReadExecutions,
    /// Stop and redrive executions.
    ControlExecutions,
    /// Answer for waiting steps: success, failure, heartbeat.
    AnswerTasks,
    /// Call the outside, through the outbound guard (`TOSS_OUTBOUND_ALLOW`).
    CallOutside,
    /// Know the digest of the operator's key (`TOSS_OPERATOR_KEY_SHA256`).
    VerifyOperator,
}

/// Memory and time of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizing {
    /// MiB; CPU comes in proportion, one core at 1,769.
    pub memory_mib: u32,
    /// Seconds after which an invocation is cut off; at most 29 behind the API.
    pub timeout_seconds: u32,
}

impl Sizing {
    /// 256 MiB and 29 seconds, which is how long API Gateway waits.
    pub const SMALL: Self = Self { memory_mib: 256, timeout_seconds: 29 };
    /// 512 MiB and 120 seconds, for those who wait for others.
    pub const PATIENT: Self = Self { memory_mib: 512, timeout_seconds: 120 };
}
