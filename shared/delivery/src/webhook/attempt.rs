//! One delivery attempt, and what comes after it.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use url::Url;

use super::{WebhookSecret, next_attempt, sign};
use crate::outbound::{OutboundClient, OutboundError, OutboundRequest, OutboundResponse};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer is read.
const LARGEST_RESPONSE: usize = 64 * 1024;

/// How much of an answer's text is kept for the endpoint's owner to see.
const EXCERPT: usize = 500;

/// A message to be delivered.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// The receiver.
    pub url: &'a Url,
    /// The endpoint's active secrets, newest first.
    pub secrets: &'a [WebhookSecret],
    /// The event's id, the same at every attempt.
    pub id: &'a str,
    /// The body, the same at every attempt.
    pub body: Bytes,
    /// Which attempt this is, counting from 1.
    pub number: u32,
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// Try again then.
    Retry(Timestamp),
    /// The last attempt has failed.
    GiveUp,
    /// The receiver wants no more messages (410): disable the endpoint.
    Disable,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// What comes next.
    pub verdict: Verdict,
    /// The receiver's status, if it answered.
    pub status: Option<u16>,
    /// The code of the error, if it did not.
    pub error: Option<&'static str>,
    /// What the owner of the endpoint is shown: the beginning of the answer, or the error's sentence.
    pub detail: String,
}

/// Signs and posts a message, and says what comes next.
///
/// Only a status from 200 to 299 within 15 seconds is a success. Redirects are not followed: an endpoint that
/// has moved must be changed by its owner. `jitter` is a number from 0 to 1; see [`next_attempt`].
pub async fn attempt(
    client: &OutboundClient,
    delivery: &Delivery<'_>,
    now: Timestamp,
    jitter: f64,
) -> AttemptReport {
    let outcome = match request(delivery, now) {
        Ok(request) => client.send(request).await,
        Err(error) => Err(error),
    };
    report(&outcome, delivery.number, now, jitter)
}

fn request(delivery: &Delivery<'_>, now: Timestamp) -> Result<OutboundRequest, OutboundError> {
    let signed = sign(delivery.secrets, delivery.id, now, &delivery.body);
    let mut request = OutboundRequest::new(Method::POST, delivery.url.clone())
        .header("content-type", "application/json")?
        .header("webhook-id", &signed.id)?
        .header("webhook-timestamp", &signed.timestamp)?
        .header("webhook-signature", &signed.signature)?;
    request.body = delivery.body.clone();
    request.timeout = TIMEOUT;
    request.largest_response = LARGEST_RESPONSE;
    Ok(request)
}

fn report(
    outcome: &Result<OutboundResponse, OutboundError>,
    number: u32,
    now: Timestamp,
    jitter: f64,
) -> AttemptReport {
    let later = |after| next_attempt(number, now, jitter, after).map_or(Verdict::GiveUp, Verdict::Retry);
    match outcome {
        Ok(answer) => AttemptReport {
            verdict: match answer.status {
                status if status.is_success() => Verdict::Delivered,
                StatusCode::GONE => Verdict::Disable,
                _ => later(retry_after(answer)),
            },
            status: Some(answer.status.as_u16()),
            error: None,
            detail: String::from_utf8_lossy(&answer.body).chars().take(EXCERPT).collect(),
        },
        Err(error) => AttemptReport {
            verdict: later(None),
            status: None,
            error: Some(error.code()),
            detail: error.to_string(),
        },
    }
}

/// The seconds of a `Retry-After` header; its other form, a date, is too rare to matter.
fn retry_after(answer: &OutboundResponse) -> Option<u64> {
    answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::webhook::LAST_ATTEMPT;

    fn verdict(status: u16, number: u32) -> Verdict {
        let answer = OutboundResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"thanks"),
            url: Url::parse("https://a.example/").unwrap(),
        };
        report(&Ok(answer), number, Timestamp::UNIX_EPOCH, 0.0).verdict
    }

    #[test]
    fn only_2xx_is_delivered_and_410_disables() {
        for status in [200, 201, 202, 204] {
            assert_eq!(verdict(status, 1), Verdict::Delivered);
        }
        assert_eq!(verdict(410, 1), Verdict::Disable);
        for status in [301, 302, 400, 404, 429, 500, 503] {
            assert_eq!(verdict(status, 1), Verdict::Retry(Timestamp::from_second(5).unwrap()), "{status}");
        }
        assert_eq!(verdict(500, LAST_ATTEMPT), Verdict::GiveUp);
    }

    #[test]
    fn an_error_is_told_by_code_and_sentence() {
        let error = OutboundError::Timeout { host: "a.example".into(), after: TIMEOUT };
        let report = report(&Err(error), 1, Timestamp::UNIX_EPOCH, 0.0);
        assert_eq!(report.error, Some("timeout"));
        assert!(report.detail.contains("15000 ms"));
    }
}
