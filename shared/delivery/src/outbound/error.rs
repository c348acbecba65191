//! Why a call to the outside did not happen or did not end well.

use std::{io, time::Duration};

use super::AddressClass;

/// Why a call to the outside failed.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is not one that may be called.
    #[error("the URL cannot be called: {reason}")]
    BadUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {reason}")]
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// The guard refuses the address.
    #[error(
        "'{host}' is {class}: calls to it are refused; an operator can allow the host by name in TOSS_OUTBOUND_ALLOW"
    )]
    Refused {
        /// The host as the URL names it.
        host: String,
        /// What its address is.
        class: AddressClass,
    },
    /// The name does not resolve.
    #[error("the name '{host}' does not resolve; check its spelling")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// No address of the host took the connection.
    #[error("'{host}' does not take connections on port {port}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the last attempt said.
        #[source]
        source: io::Error,
    },
    /// No secure connection.
    #[error("no secure connection to '{host}': {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong, such as an expired certificate.
        reason: String,
    },
    /// It took too long.
    #[error("'{host}' did not answer within {} ms", after.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The time it had.
        after: Duration,
    },
    /// The answer is larger than the caller takes.
    #[error("the answer of '{host}' is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// A redirect that is not followed.
    #[error("the redirect of '{host}' is not followed: {reason}")]
    Redirect {
        /// The host.
        host: String,
        /// Why.
        reason: &'static str,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("the exchange with '{host}' broke off: {reason}")]
    Exchange {
        /// The host.
        host: String,
        /// What happened.
        reason: String,
    },
}

impl OutboundError {
    /// A stable name of the kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "bad-url",
            Self::BadRequest { .. } => "bad-request",
            Self::Refused { .. } => "address-refused",
            Self::Dns { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too-large",
            Self::Redirect { .. } => "redirect",
            Self::Exchange { .. } => "exchange",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Dns { .. }
                | Self::Connect { .. }
                | Self::Tls { .. }
                | Self::Timeout { .. }
                | Self::Exchange { .. }
        )
    }

    /// Whether nothing of the request can have reached the other side.
    #[must_use]
    pub const fn was_not_sent(&self) -> bool {
        matches!(
            self,
            Self::BadUrl { .. }
                | Self::BadRequest { .. }
                | Self::Refused { .. }
                | Self::Dns { .. }
                | Self::Connect { .. }
                | Self::Tls { .. }
        )
    }
}
