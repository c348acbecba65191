//! What goes wrong with a call, in names that workflows catch.

use toss_delivery::outbound::OutboundError;
use toss_kernel::activity::{ErrorSpec, RetryClass};
use toss_runtime::ActivityError;

/// What went wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpRequestError {
    /// It took too long.
    #[error("{0}.")]
    Timeout(String),
    /// Nobody answers, or not in HTTP.
    #[error("{0}.")]
    ConnectionFailed(String),
    /// The guard refuses the address or the redirect.
    #[error("{0}.")]
    Refused(String),
    /// The answer is larger than a step's result may be.
    #[error("{0}.")]
    TooLarge(String),
    /// The counterpart asks to be called less often.
    #[error("{0}")]
    TooManyRequests(String),
    /// The counterpart refused the request.
    #[error("{0}")]
    Status4xx(String),
    /// The counterpart failed.
    #[error("{0}")]
    Status5xx(String),
    /// Another status that is not expected.
    #[error("{0}")]
    UnexpectedStatus(String),
    /// The call cannot be made as it is.
    #[error("{0}.")]
    InvalidParameters(String),
}

impl ActivityError for HttpRequestError {
    fn all() -> Vec<ErrorSpec> {
        use RetryClass::{Permanent, Retryable};
        [
            ("Timeout", Retryable, "The call took longer than `timeout_seconds`."),
            (
                "ConnectionFailed",
                Retryable,
                "The host could not be resolved or connected to, or the exchange broke off.",
            ),
            ("Refused", Permanent, "The outbound guard refuses the address, or a redirect is not followed."),
            ("TooLarge", Permanent, "The response is larger than a step's result may be."),
            ("TooManyRequests", Retryable, "The counterpart answered 429."),
            (
                "Status4xx",
                Permanent,
                "The counterpart answered a status from 400 to 499 that is not expected.",
            ),
            ("Status5xx", Retryable, "The counterpart answered a status from 500 on that is not expected."),
            ("UnexpectedStatus", Permanent, "The counterpart answered another status that is not expected."),
        ]
        .map(|(name, class, description)| ErrorSpec {
            name: name.into(),
            class,
            description: description.into(),
        })
        .into()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "Timeout",
            Self::ConnectionFailed(_) => "ConnectionFailed",
            Self::Refused(_) => "Refused",
            Self::TooLarge(_) => "TooLarge",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::Status4xx(_) => "Status4xx",
            Self::Status5xx(_) => "Status5xx",
            Self::UnexpectedStatus(_) => "UnexpectedStatus",
            Self::InvalidParameters(_) => "InvalidParameters",
        }
    }
}

impl From<OutboundError> for HttpRequestError {
    fn from(error: OutboundError) -> Self {
        let sentence = error.to_string();
        match error {
            OutboundError::BadUrl { .. } | OutboundError::BadRequest { .. } => {
                Self::InvalidParameters(sentence)
            }
            OutboundError::Refused { .. } | OutboundError::Redirect { .. } => Self::Refused(sentence),
            OutboundError::Dns { .. }
            | OutboundError::Connect { .. }
            | OutboundError::Tls { .. }
            | OutboundError::Exchange { .. } => Self::ConnectionFailed(sentence),
            OutboundError::Timeout { .. } => Self::Timeout(sentence),
            OutboundError::TooLarge { .. } => Self::TooLarge(sentence),
        }
    }
}
